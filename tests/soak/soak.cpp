// A soak: broker, private Redis and two workers under mixed load for as long as one likes, now and then with
// the network cut and a pool process killed; and what each of them uses meanwhile, which must be bounded.
// Unlike the chaos, nobody is restarted, so that what grows, grows.
//
//   joinery_soak [--seconds 60] [--pace 1] [--seed N] [--report FILE]
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <random>

#include "tests/soak/load.h"
#include "tests/soak/usage.h"
#include "tests/support/command_line.h"
#include "tests/support/process_usage.h"
#include "tests/support/proxy.h"
#include "tests/support/stack.h"

namespace joinery::soak {
namespace {

using std::chrono::seconds;

struct Options {
  long seconds = 60;
  double pace = 1;
  std::uint64_t seed = std::random_device{}();
  std::string report;
};

// A process and what it uses.
struct Watched {
  std::string name;
  pid_t process;
  Series memory, descriptors, threads;
  // `caches_kb`: what it keeps on purpose, and fills sooner or later.
  Watched(const std::string& what, pid_t pid, std::uint64_t caches_kb = 0)
      : name(what),
        process(pid),
        memory(what + ", memory (MiB)", (8 << 10) + caches_kb, 1 << 10),
        descriptors(what + ", descriptors", 8, 1),
        threads(what + ", threads", 2, 1) {}
  void look(seconds at) {
    memory.add(at, testing::memory_kb_of(process));
    descriptors.add(at, testing::descriptors_of(process));
    threads.add(at, testing::threads_of(process));
  }
};

class Soak {
 public:
  explicit Soak(const Options& options)
      : options_(options),
        stack_(
            {"--queues-history-bytes", "256KiB", "--journal-segment-size", "32MiB", "--log-level", "error"}),
        network_(stack_.dir() / "network", stack_.endpoint().substr(6)) {
    stack_.start_worker({"--allow-exec", "--processes", "2", "--queues", queues, "--log-level", "error"},
                        SOAK_WORKER);
    cut_off_ = std::make_unique<testing::Process>(std::vector<std::string>{
        SOAK_WORKER, "--endpoint", network_.endpoint(), "--allow-exec", "--processes", "2", "--queues",
        queues, "--max-jobs-per-process", "5000", "--log-level", "error"});
    constexpr std::uint64_t log_tail_kb = 32 << 10, history_kb = 7 * (4 << 10);  // of seven queues
    watched_.emplace_back("broker", stack_.broker().pid(), log_tail_kb + history_kb);
    for (const pid_t child : testing::children_of(stack_.broker().pid()))
      watched_.emplace_back("Redis", child);
    watched_.emplace_back("worker 1", stack_.worker(0).pid());
    watched_.emplace_back("worker 2 (cut off)", cut_off_->pid());
    watched_.emplace_back("clients", ::getpid());
  }

  int run() {
    Load load(stack_.endpoint(), options_.seed, options_.pace);
    const auto begin = std::chrono::steady_clock::now();
    std::mt19937_64 random(options_.seed);
    const seconds every = std::max(seconds(1), seconds(options_.seconds / 360));
    for (seconds at(0); at < seconds(options_.seconds) && load.wrong().empty() && all_run(); at += every) {
      std::this_thread::sleep_until(begin + at);
      look(at);
      if (random() % 3 == 0) trouble(random);
    }
    network_.heal();
    load.stop();
    const std::string report = report_of(load, drained(load));
    fmt::print("{}", report);
    if (!options_.report.empty()) std::ofstream(options_.report) << report;
    return good_ ? 0 : 1;
  }

 private:
  static constexpr const char* queues = "default,plain,flows,polite,failures,locks,small";

  bool all_run() { return stack_.broker().running() && stack_.worker(0).running() && cut_off_->running(); }

  void look(seconds at) {
    for (Watched& one : watched_) one.look(at);
    journal_.add(
        at, testing::bytes_below(stack_.data_dir()) - testing::bytes_below(stack_.data_dir() + "/redis"));
    redis_.add(at, testing::bytes_below(stack_.data_dir() + "/redis"));
    std::uint64_t memory = 0;
    const auto pool = testing::children_of(stack_.worker(0).pid());
    for (const pid_t process : pool) memory = std::max(memory, testing::memory_kb_of(process));
    pool_.add(at, memory);
    pool_processes_.add(at, pool.size());
  }

  void trouble(std::mt19937_64& random) {
    if (random() % 2 == 0) {
      ++cuts_;
      network_.cut();
      return network_.heal();
    }
    const auto pool = testing::children_of(cut_off_->pid());
    if (pool.empty()) return;
    ++kills_;
    ::kill(pool[random() % pool.size()], SIGKILL);
  }

  // What is wrong at the end; empty: nothing.
  std::string drained(const Load& load) {
    if (!load.wrong().empty()) return load.wrong();
    if (!all_run()) return "a program has ended";
    ClientOptions options;
    options.endpoint = stack_.endpoint();
    Client client(options);
    for (const char* queue : {"default", "plain", "flows", "polite", "failures", "locks", "small"})
      finished_ += client.join_queue(queue, seconds(120)).finished();
    return finished_ >= load.accepted() ? "" : "fewer jobs have ended than were accepted";
  }

  std::string report_of(const Load& load, const std::string& wrong) {
    constexpr std::size_t parts = 6;
    std::string text =
        fmt::format("a soak of {} s, seed {}: {} jobs ended; {} cuts, {} pool processes killed\n",
                    options_.seconds, options_.seed, finished_, cuts_, kills_);
    for (const auto& [kind, rounds] : load.rounds()) text += fmt::format("  {} x {}", rounds, kind);
    text += fmt::format("\n\n{:34}", "most in each sixth of the time");
    for (std::size_t part = 1; part <= parts; ++part) text += fmt::format(" {:6}", part);
    text += "  growth/h (second half)\n";
    good_ = wrong.empty();
    const auto add = [&](const Series& series) {
      text += series.row(parts);
      good_ = good_ && series.is_bounded();
    };
    for (const Watched& one : watched_) add(one.memory), add(one.descriptors), add(one.threads);
    add(pool_), add(pool_processes_), add(journal_), add(redis_);
    text += "\nprocessor:";
    for (const Watched& one : watched_)
      text += fmt::format(" {} {:.1f} %,", one.name,
                          100 * testing::cpu_seconds_of(one.process) / static_cast<double>(options_.seconds));
    text.back() = '\n';
    return text + (wrong.empty() ? "" : "WRONG: " + wrong + "\n") + (good_ ? "good\n" : "NOT GOOD\n");
  }

  Options options_;
  testing::Stack stack_;
  testing::Proxy network_;
  std::unique_ptr<testing::Process> cut_off_;
  std::vector<Watched> watched_;
  // Segments, and rewrites of the append-only file, come and go.
  Series journal_{"journal on disk (MiB)", 64 << 20, 1 << 20};
  Series redis_{"Redis on disk (MiB)", 128 << 20, 1 << 20};
  Series pool_{"largest pool process (MiB)", 8 << 10, 1 << 10};
  Series pool_processes_{"pool processes of worker 1", 1, 1};
  std::uint64_t finished_ = 0;
  int cuts_ = 0, kills_ = 0;
  bool good_ = false;
};

}  // namespace
}  // namespace joinery::soak

int main(int argc, char** argv) {
  joinery::soak::Options options;
  CLI::App app("Mixed load for a long time; what is used meanwhile must be bounded");
  app.add_option("--seconds", options.seconds, "for how long")->capture_default_str();
  app.add_option("--pace", options.pace, "times the usual load")->capture_default_str();
  app.add_option("--seed", options.seed, "of what is random");
  app.add_option("--report", options.report, "file for the report, besides standard output");
  if (const auto done = joinery::testing::parse(app, argc, argv)) return *done;
  return joinery::soak::Soak(options).run();
}
