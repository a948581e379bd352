// Broker, workers, Redis and producers as users run them, and everything that can happen to them, from one
// seed: killed, stopped past their leases, cut off and healed, Redis restarted, the disk small. A checker in
// the manner of Jepsen's total-queue accounts for every job at the end.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "tests/chaos/world.h"
#include "tests/support/command_line.h"

int main(int argc, char** argv) {
  int seconds = 20;
  std::uint64_t seed = std::random_device{}();
  std::string file;
  bool json = false;
  CLI::App app("The programs of Joinery in all kinds of trouble; accounts for every job at the end");
  app.add_option("--seconds", seconds, "of trouble")->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", seed, "of what is random")->envname("JOINERY_SEED");
  app.add_option("--report", file, "file for the report, besides standard output");
  app.add_flag("--json", json, "the report for programs");
  if (const auto done = joinery::testing::parse(app, argc, argv)) return *done;

  std::fprintf(json ? stderr : stdout, "JOINERY_SEED=%llu, %d s\n", static_cast<unsigned long long>(seed),
               seconds);
  std::fflush(stdout);
  joinery::chaos::World world(seed);
  world.run(std::chrono::seconds(seconds));
  const std::string report = json ? world.json_report() : world.report();
  std::fputs(report.c_str(), stdout);
  if (!file.empty()) {
    if (std::FILE* out = std::fopen(file.c_str(), "w")) {
      std::fputs(report.c_str(), out);
      std::fclose(out);
    }
  }
  return world.good() ? 0 : 1;
}
