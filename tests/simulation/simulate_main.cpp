// simulate [--seeds N] [--from S] [--steps K] [--jobs J] [--replay S]: many simulations, on all cores, with a
// line of progress; the first that fails is shrunk and told.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulation/simulate.h"
#include "tests/support/command_line.h"

namespace joinery::simulation {
namespace {

struct Options {
  std::uint64_t seeds = 1000;
  std::uint64_t from = 1;
  std::size_t steps = 300;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  std::optional<std::uint64_t> replay;
  std::size_t shrinking = 400;
};

int tell_failure(std::uint64_t seed, const Options& options) {
  const std::vector<Step> all = schedule(seed, options.steps);
  const Verdict first = simulate(seed, all);
  if (first.failure.empty()) {
    fmt::print("seed {} passes {} steps\n", seed, options.steps);
    return 0;
  }
  fmt::print("seed {} fails: {}\nreplay it: scripts/simulate --replay {} --steps {}\nshrinking...\n", seed,
             first.failure, seed, options.steps);
  const std::vector<Step> few = shrink(seed, all, options.shrinking);
  const Verdict shortest = simulate(seed, few);
  fmt::print("{} of {} steps fail too:\n{}\n", few.size(), all.size(), shortest.history);
  return 1;
}

// Takes every so many seed, and stops at the first that fails.
void work(const Options& options, unsigned index, int out) {
  for (std::uint64_t i = index; i < options.seeds; i += options.jobs) {
    const std::uint64_t seed = options.from + i;
    const bool bad = !simulate(seed, schedule(seed, options.steps)).failure.empty();
    const std::uint64_t told[2] = {seed, bad ? 1U : 0U};
    if (::write(out, told, sizeof told) != sizeof told || bad) break;
  }
  ::_exit(0);
}

// Waits for them; says of those that did not end by themselves how they did.
std::string end_workers(const std::vector<pid_t>& workers, bool now) {
  std::string text;
  for (const pid_t worker : workers) {
    if (now) ::kill(worker, SIGTERM);
    int status = 0;
    ::waitpid(worker, &status, 0);
    if (WIFSIGNALED(status))
      text += fmt::format("; the process {} was ended by signal {}", worker, WTERMSIG(status));
  }
  return text;
}

int run_many(const Options& options) {
  int ends[2];
  if (::pipe(ends) != 0) return 2;
  std::vector<pid_t> workers;
  for (unsigned index = 0; index < options.jobs; ++index) {
    workers.push_back(::fork());
    if (workers.back() == 0) work(options, index, ends[1]);
  }
  ::close(ends[1]);
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  std::optional<std::uint64_t> failed;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  for (std::uint64_t told[2]; ::read(ends[0], told, sizeof told) == sizeof told;) {
    ++done;
    if (told[1] != 0) {
      failed = told[0];
      break;
    }
    if (!terminal && done % 1000 != 0) continue;
    const std::chrono::duration<double> past = std::chrono::steady_clock::now() - begin;
    fmt::print(stderr, "{}{} of {} seeds, {:.0f}/s{}", terminal ? "\r" : "", done, options.seeds,
               static_cast<double>(done) / past.count(), terminal ? " " : "\n");
  }
  const std::string ended = end_workers(workers, failed.has_value());
  if (terminal) fmt::print(stderr, "\n");
  if (failed) {
    if (tell_failure(*failed, options) == 0) fmt::print("seed {} failed before, and passes now\n", *failed);
    return 1;
  }
  if (done != options.seeds) {
    fmt::print("only {} of {} seeds were simulated{}\n", done, options.seeds, ended);
    return 1;
  }
  const std::chrono::duration<double> past = std::chrono::steady_clock::now() - begin;
  fmt::print("{} seeds from {} on pass {} steps each, in {:.1f} s\n", done, options.from, options.steps,
             past.count());
  return 0;
}

}  // namespace
}  // namespace joinery::simulation

int main(int argc, char** argv) {
  using namespace joinery::simulation;
  Options options;
  CLI::App app("Simulates Joinery with all faults, from seeds");
  app.add_option("--seeds", options.seeds, "how many")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  app.add_option("--from", options.from, "the first one")->capture_default_str();
  app.add_option("--steps", options.steps, "of each simulation")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  app.add_option("--jobs", options.jobs, "simulations at a time")
      ->capture_default_str()
      ->check(CLI::Range(unsigned{1}, unsigned{1024}));
  app.add_option("--replay", options.replay, "only this seed; shrinks it if it fails");
  app.add_option("--shrinking", options.shrinking, "simulations to find a shorter history with")
      ->capture_default_str();
  if (const auto done = joinery::testing::parse(app, argc, argv)) return *done;
  return options.replay ? tell_failure(*options.replay, options) : run_many(options);
}
