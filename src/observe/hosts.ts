import { isIP } from "node:net";

/**
 * DNS rebinding lets a web page read what listens on somebody's machine, by a name of the attacker's that resolves to it.
 * A browser always says that name in the Host header, so names are let in by a list. Addresses are no names: whoever
 * says one cannot have rebound it.
 */
export function isKnownHost(header: string | undefined, allowed: readonly string[]): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return true;
  return allowed.some((entry) => {
    const known = entry.toLowerCase();
    return known.startsWith("*.") ? name.endsWith(known.slice(1)) : name === known;
  });
}

/** One line, with the key to set. What is quoted cannot be anything but a name. */
export function foreignHost(header: string | undefined): string {
  const name = hostName(header);
  const said = name === undefined ? "without a host name it" : `under the name ${name} it`;
  return `${said} is not shown to browsers (DNS rebinding); add the name to http.allowedHosts, or use an address or localhost`;
}

/** Lower case, without port and brackets; undefined for what is neither a name nor an address. */
function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::\d{1,5})?$/i.exec(header ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, "");
}
