// Broker, workers, Redis and producers as users run them, and everything that can happen to them, from one
// seed: killed, stopped past their leases, cut off and healed, Redis restarted, the disk small. A checker in
// the manner of Jepsen's total-queue accounts for every job at the end.
//
//   joinery_chaos [--seconds 20] [--seed N] [--report FILE] [--json]

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "tests/chaos/world.h"

namespace {

struct Arguments {
  int seconds = 20;
  std::uint64_t seed = 0;
  std::string report;
  bool json = false;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments out;
  const char* given = std::getenv("JOINERY_SEED");
  out.seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      out.json = true;
      continue;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (std::strcmp(argv[i], "--seconds") == 0) out.seconds = std::atoi(value);
    if (std::strcmp(argv[i], "--seed") == 0) out.seed = std::strtoull(value, nullptr, 10);
    if (std::strcmp(argv[i], "--report") == 0) out.report = value;
    ++i;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  std::fprintf(arguments.json ? stderr : stdout, "JOINERY_SEED=%llu, %d s\n",
               static_cast<unsigned long long>(arguments.seed), arguments.seconds);
  std::fflush(stdout);
  joinery::chaos::World world(arguments.seed);
  world.run(std::chrono::seconds(arguments.seconds));
  const std::string report = arguments.json ? world.json_report() : world.report();
  std::fputs(report.c_str(), stdout);
  if (!arguments.report.empty()) {
    if (std::FILE* file = std::fopen(arguments.report.c_str(), "w")) {
      std::fputs(report.c_str(), file);
      std::fclose(file);
    }
  }
  return world.good() ? 0 : 1;
}
