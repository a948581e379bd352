# One small image with the three programs: joinery-broker, joinery-worker, joinery.
FROM docker.io/library/debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/install-dependencies scripts/
COPY cmake/dependencies.cmake cmake/
RUN scripts/install-dependencies --without-examples
COPY . .
RUN cmake --preset release -DJOINERY_TESTS=OFF -DJOINERY_EXAMPLES=OFF \
 && cmake --build --preset release -j "$(nproc)" \
 && cmake --install build/release --prefix /opt/joinery --component programs --strip

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libzmq5 libhiredis0.14 libfmt9 libspdlog1.10 libcctz2 tzdata redis-server \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/joinery --create-home joinery
COPY --from=build /opt/joinery /usr/local
USER joinery
WORKDIR /var/lib/joinery
VOLUME /var/lib/joinery
EXPOSE 7733
# The programs are called by name: `joinery-broker ...`, `joinery-worker ...`, `joinery ...`.
CMD ["joinery", "--help"]
