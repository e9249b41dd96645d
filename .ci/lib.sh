# Sourced by the scripts of .ci/. Downloads and builds are kept in CACHE, outside the checkout.
export DEBIAN_FRONTEND=noninteractive
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/evertoken-ci
BIN=$CACHE/bin
mkdir -p "$BIN"
export PATH=$BIN:$PATH:/usr/local/go/bin CONTAINERS_CONF=$CACHE/containers.conf

# apt_get PACKAGE...: installs the packages that are missing.
apt_get() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo -n)
  (
    # One at a time: apt-get waits for some of its locks only.
    flock 9
    # A broken mirror of another package must not matter: only the installation counts.
    "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 -qq update || true
    "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
  ) 9>"$CACHE/apt.lock"
}

# Podman and buildah get a store of their own, apart from that of the machine.
containers=(--root "$CACHE/containers" --runroot "$CACHE/run")
