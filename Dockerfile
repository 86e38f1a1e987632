# Two stages: the first builds, the second holds the binary and what it needs to run.

FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tollgate

FROM debian:bookworm-slim
# curl is for the health check only.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/tollgate tollgate \
    && install -d -o tollgate -g tollgate /var/lib/tollgate/data
COPY --from=build /src/target/release/tollgate /usr/local/bin/tollgate
COPY conf/container.yaml /etc/tollgate/container.yaml

USER tollgate
# The store and the journal are in data/, relative to this folder.
WORKDIR /var/lib/tollgate
VOLUME /var/lib/tollgate/data
EXPOSE 3000 3001 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD curl --fail --silent --show-error "http://127.0.0.1:${PORT:-3000}/healthz"
# A folder: files put beside container.yaml are merged with it.
ENTRYPOINT ["tollgate"]
CMD ["serve", "--config", "/etc/tollgate"]
