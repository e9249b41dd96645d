# `docker build .` builds the image of evertoken. The image holds no Redis: the program needs one of yours at run time.
#
# For a reproducible build pin the digest of the base, which `docker buildx imagetools inspect node:24-bookworm-slim`
# prints:
#   docker build --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:… .
# Any base with npm and Node 24.12 or newer works, also Node 26.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Tests, source maps, type declarations and manuals are half of the packages, and nothing reads them at run time.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier \
  && find node_modules -type d \( -name test -o -name tests -o -name __tests__ -o -name .github \) \
    -prune -exec rm -r {} + \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \
    -o -name '*.test.*js' -o -iname '*.md' ! -iname 'licen[cs]e*' \) -delete \
  && rm node_modules/.package-lock.json
COPY src ./src
# Root owns all files and alone may write them. A link on the PATH makes `kubectl exec … evertoken status` work without
# a shell.
RUN chmod -R u=rwX,go=rX . && chmod 755 src/main.ts \
  && mkdir -p /out/usr/local/bin && ln -s /app/src/main.ts /out/usr/local/bin/evertoken \
  && install -d -o 65532 -g 65532 /app/compile-cache
# A cache of the compiled modules halves the CPU time of a start. It is valid for one build of Node and one user: so
# the user of the program makes it here, and it is read-only afterwards. Modules that run only as a thread refuse the
# import, and are compiled all the same.
USER 65532:65532
RUN NODE_COMPILE_CACHE=/app/compile-cache HOME=/tmp node --input-type=module --eval ' \
  import { readdirSync } from "node:fs"; \
  const names = readdirSync("/app/src", { recursive: true }); \
  const files = names.filter((name) => /\.ts$/.test(name) && name !== "main.ts"); \
  await Promise.allSettled(files.map((file) => import(`/app/src/${file}`))); \
  ' && NODE_COMPILE_CACHE=/app/compile-cache HOME=/tmp node /app/src/main.ts --version
USER 0:0
RUN chown -R 0:0 /app/compile-cache && chmod -R u=rwX,go=rX /app/compile-cache

FROM ${NODE_IMAGE}
COPY --from=build /out /
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/src /app/src
COPY --from=build /app/compile-cache /app/compile-cache
USER 65532:65532
WORKDIR /app
# glibc keeps memory that the threads of Node have freed. Two arenas with trimming save a tenth of the memory.
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/app/compile-cache \
  MALLOC_ARENA_MAX=2 \
  MALLOC_TRIM_THRESHOLD_=131072 \
  EVERTOKEN_CONFIG=/etc/evertoken/config.yaml
# The port of `http.listen`, which must be `0.0.0.0:9464` in a container.
EXPOSE 9464
STOPSIGNAL SIGTERM
# For Docker and Podman. Kubernetes uses its probes instead.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["evertoken", "healthcheck"]
ENTRYPOINT ["node", "--disable-sigusr1", "--report-exclude-env", "/app/src/main.ts"]
CMD ["run"]
# At the end, because these arguments change with every build.
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="evertoken" \
  org.opencontainers.image.description="Keeps OAuth 2.0 access tokens fresh for fleets of accounts, in the secret stores where consumers read" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
