# Every dependency, its Debian package, and why it is here. scripts/install-dependencies installs the same list.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# libzmq3-dev, cppzmq-dev: the transport between producers, broker and workers.
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)
# libhiredis-dev: the client of Redis, where results, locks and values live.
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
# libspdlog-dev, libfmt-dev: logs, and formatting (g++ 12 has no std::format).
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
# libmsgpack-cxx-dev: serialization of typed arguments and results, and writing of frames. Header only.
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(joinery_msgpack INTERFACE)
target_include_directories(joinery_msgpack SYSTEM INTERFACE $<BUILD_INTERFACE:${MSGPACK_INCLUDE_DIR}>)
target_compile_definitions(joinery_msgpack INTERFACE MSGPACK_NO_BOOST)
# libcctz-dev, tzdata: local times of the schedules in the time zones of the system's tzdata (g++ 12 has no std::chrono::zoned_time).
# The smallest that knows skipped and repeated local times, and is only that: ICU and Abseil bring much else.
find_path(CCTZ_INCLUDE_DIR cctz/time_zone.h REQUIRED)
find_library(CCTZ_LIBRARY cctz REQUIRED)
add_library(joinery_cctz INTERFACE)
target_include_directories(joinery_cctz SYSTEM INTERFACE $<BUILD_INTERFACE:${CCTZ_INCLUDE_DIR}>)
target_link_libraries(joinery_cctz INTERFACE ${CCTZ_LIBRARY})
# libcli11-dev: flags, subcommands and their help. Header only.
find_package(CLI11 REQUIRED)
# nlohmann-json3-dev: JSON in and out of the command line, and as the same values the maps of the wire. Header only.
find_package(nlohmann_json REQUIRED)
# libtomlplusplus-dev: configuration files. CLI11's own TOML reader knows no line numbers, which every message about a mistake
# names, and no tables with names of the user's choice. Header only.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(joinery_toml INTERFACE)
target_include_directories(joinery_toml SYSTEM INTERFACE $<BUILD_INTERFACE:${TOMLPLUSPLUS_INCLUDE_DIR}>)
# joinery::http, for handlers that wait for HTTP, is built where libcurl is. The programs and the rest of the SDK do not need
# it, so it is neither required nor in the image; who writes such handlers installs libcurl4-openssl-dev, as the examples do.
pkg_check_modules(curl IMPORTED_TARGET libcurl>=7.85)

if(JOINERY_EXAMPLES)
  # What only examples need is left out of the image (scripts/install-dependencies --without-examples), and an example whose
  # library is not there is left out of the build.
  # libvips-dev: JPEG and PNG to thumbnails, in a stream through little memory.
  # libturbojpeg0-dev: JPEG decoded at a fraction of its size, in half of the time that libvips needs to read a small photo.
  pkg_check_modules(vips IMPORTED_TARGET vips-cpp libturbojpeg)
  # The crawler:
  # libcurl4-openssl-dev: HTTP/1.1 and 2.
  # libgumbo-dev: HTML as browsers read it.
  # libexpat1-dev: sitemaps.
  # libidn2-dev: host names in other scripts.
  # zlib1g-dev, libbrotli-dev: content encodings, unpacked within bounds.
  # libdeflate-dev: gzip of WARC records, two to three times as fast as zlib.
  # libssl-dev: digests of what was fetched.
  pkg_check_modules(crawler_libraries IMPORTED_TARGET libcurl gumbo expat libidn2 zlib libbrotlidec libdeflate libcrypto)
endif()
if(JOINERY_TESTS)
  # libgtest-dev, libgmock-dev: the tests.
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(JOINERY_BENCH)
  # libbenchmark-dev: micro benchmarks.
  find_package(benchmark REQUIRED)
endif()
