# Builds two images: `server` is Perfscope without QuestDB, which runs in a separate container. `demo` is a
# booking service under load. Usage: docker build --target server -t perfscope .
FROM node:26.10.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY tsconfig*.json LICENSE ./
COPY scripts scripts
COPY src src
COPY demo demo
COPY packages packages
RUN node scripts/build.mjs

# Removes development packages. The remaining packages keep their versions from package-lock.json.
FROM build AS server-packages
RUN npm prune --omit=dev --no-audit --no-fund --loglevel=error && rm -rf dist/demo

# Adds the queue packages that only the demo needs.
FROM build AS demo-packages
RUN node scripts/demo-packages.mjs \
  && npm prune --omit=dev --no-audit --no-fund --loglevel=error

FROM node:26.10.0-bookworm-slim AS base
ENV NODE_ENV=production
# /usr/local/bin/perfscope, so that `docker compose exec perfscope perfscope keys list` works.
RUN ln -s /app/dist/bin.js /usr/local/bin/perfscope \
  && install -d -o 1000 -g 1000 -m 0700 /var/lib/perfscope
WORKDIR /app
COPY package.json ./
COPY deploy/secrets.mjs deploy/secrets.mjs
COPY grafana/provisioning grafana/provisioning
COPY docs/alerts.md docs/alerts.md
ENTRYPOINT ["perfscope"]

FROM base AS demo
COPY --from=demo-packages /build/node_modules node_modules
COPY --from=demo-packages /build/dist dist
RUN chmod 0755 dist/bin.js
USER 1000:1000
ENV PERFORMANCE_DATA_DIR=/var/lib/perfscope \
    DEMO_PORT=4100
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
  CMD ["perfscope", "healthcheck", "http://127.0.0.1:4100/healthz"]
CMD ["demo", "--without-server"]

FROM base AS server
COPY --from=server-packages /build/node_modules node_modules
COPY --from=server-packages /build/dist dist
RUN chmod 0755 dist/bin.js
USER 1000:1000
ENV HOST=0.0.0.0 \
    PORT=4001 \
    PERFORMANCE_DATA_DIR=/var/lib/perfscope
EXPOSE 4001
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
  CMD ["perfscope", "healthcheck"]
CMD ["serve"]
