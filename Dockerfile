# evertoken: `docker build .` is all it takes. It needs a Redis of your own at run time; none is inside.
#
# For a build that can be repeated, pin the base by digest, which `docker buildx imagetools inspect node:24-bookworm-slim` prints:
#   docker build --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:… .
# Any image with Node 24.12 or newer and npm will do, Node 26 too.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Tests, source maps, type declarations and manuals are half of what the packages bring, and nothing reads them at run time.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier \
  && find node_modules -type d \( -name test -o -name tests -o -name __tests__ -o -name .github \) -prune -exec rm -r {} + \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.test.*js' \
    -o -iname '*.md' ! -iname 'licen[cs]e*' \) -delete \
  && rm node_modules/.package-lock.json
COPY src ./src
# Root's, and writable for nobody else. A link on the PATH makes `kubectl exec … evertoken status` work without a shell.
RUN chmod -R u=rwX,go=rX . && chmod 755 src/main.ts \
  && mkdir -p /out/usr/local/bin && ln -s /app/src/main.ts /out/usr/local/bin/evertoken \
  && install -d -o 65532 -g 65532 /app/compile-cache
# The compiled code of every module that a daemon may load halves the CPU time of a start. V8's cache holds for one build of
# Node and one user, so that it is made here by the user that will run it, and is read-only afterwards. (A file that wants to be
# started as a thread refuses to be imported, and is compiled all the same.)
USER 65532:65532
RUN NODE_COMPILE_CACHE=/app/compile-cache HOME=/tmp node --input-type=module --eval ' \
  import { readdirSync } from "node:fs"; \
  const files = readdirSync("/app/src", { recursive: true }).filter((file) => /\.ts$/.test(file) && file !== "main.ts"); \
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
# glibc would keep what Node's threads free to itself; two arenas, trimmed, are a tenth less memory.
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/app/compile-cache \
  MALLOC_ARENA_MAX=2 \
  MALLOC_TRIM_THRESHOLD_=131072 \
  EVERTOKEN_CONFIG=/etc/evertoken/config.yaml
# What `http.listen` says decides; in a container that is to be `0.0.0.0:9464`.
EXPOSE 9464
STOPSIGNAL SIGTERM
# For Docker and Podman; Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["evertoken", "healthcheck"]
ENTRYPOINT ["node", "/app/src/main.ts"]
CMD ["run"]
# Last, because they change with every build.
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="evertoken" \
  org.opencontainers.image.description="Keeps OAuth 2.0 access tokens fresh for fleets of accounts, in the secret stores where consumers read" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
