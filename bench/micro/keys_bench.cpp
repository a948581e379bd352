// What keys cost in the core: the same jobs without keys, with keys that nothing is said of, and each with a
// key of its own under a limit (one at a time, a second apart); what a waiting job with a key takes; and how
// long a tenant with one job waits behind one with a million.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include "bench/support/core_under_load.h"

namespace joinery::broker {
namespace {

constexpr std::uint32_t batch = 256;

class Bench : public CoreUnderLoad {
 public:
  Bench(std::vector<Limit> limits, QueueOptions queues, std::uint32_t capacity)
      : CoreUnderLoad(batch, options_of(std::move(limits), queues), capacity) {}
  static CoreOptions options_of(std::vector<Limit> limits, QueueOptions queues) {
    CoreOptions options;
    options.limits = std::move(limits);
    options.queue_defaults = queues;
    return options;
  }
  void put(std::vector<std::string> keys, std::uint32_t count = batch) {
    Columns with;
    with.key = std::move(keys);
    columns = with.key.empty() ? nullptr : &with;
    CoreUnderLoad::put("mail", count);
    columns = nullptr;
  }
};

enum Keys : std::int64_t { none, unlimited, limited };

// Time passes as if 400,000 jobs came in a second, so that the intervals of as many keys are under way.
void put_dispatch_finish(benchmark::State& state) {
  std::vector<Limit> limits;
  if (state.range(0) == limited)
    limits.push_back({.pattern = "host:*", .concurrency = 1, .interval_ms = 1000});
  Bench bench(std::move(limits), {}, 1U << 20U);
  std::uint64_t next = 0;
  std::vector<std::string> keys;
  for (auto _ : state) {
    state.PauseTiming();
    keys.clear();
    for (std::uint32_t i = 0; i < batch && state.range(0) != none; ++i)
      keys.push_back(fmt::format("host:{}", next++ % 1'000'000));
    state.ResumeTiming();
    bench.put(std::move(keys));
    bench.dispatch();
    bench.finish();
    bench.now.mono += Duration(batch * 1'000'000 / 400'000);
    bench.now.wall += Duration(batch * 1'000'000 / 400'000);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(put_dispatch_finish)->ArgNames({"keys"})->Args({none})->Args({unlimited})->Args({limited});

double allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

// Half a million jobs that wait, without keys or each with one of its own of so many bytes.
void memory_of_waiting(benchmark::State& state) {
  constexpr std::uint32_t jobs = 2000 * batch;
  double bytes = 0;
  for (auto _ : state) {
    Bench bench({{.pattern = "host:*", .concurrency = 1, .interval_ms = 1000}}, {}, 1);
    const double before = allocated_bytes();
    for (std::uint32_t next = 0; next < jobs;) {
      std::vector<std::string> keys;
      for (std::uint32_t i = 0; i < batch; ++i, ++next)
        if (state.range(0) != 0) keys.push_back(fmt::format("host:{:0{}}", next, state.range(0) - 5));
      bench.put(std::move(keys));
    }
    bytes = allocated_bytes() - before;
  }
  state.counters["bytes per job"] = bytes / jobs;
}
BENCHMARK(memory_of_waiting)->ArgNames({"key"})->Args({0})->Args({12})->Args({24})->Iterations(1);

// Deliveries between the put of the one job and its start, in a queue that is fair or is not.
void one_behind_a_million(benchmark::State& state) {
  std::uint64_t before = 0;
  for (auto _ : state) {
    Bench bench({}, {.fair = state.range(0) != 0}, 16);
    for (std::uint32_t i = 0; i < 1'000'000; i += batch)
      bench.put(std::vector<std::string>(batch, "tenant:many"));
    bench.dispatch();
    bench.put({"tenant:one"}, 1);
    const JobId one = bench.core.next_job() - 1;
    for (before = 0; bench.core.job(one)->state == State::ready; before += bench.runs.size()) {
      bench.finish();
      bench.dispatch();
    }
  }
  state.counters["deliveries until it starts"] = static_cast<double>(before);
}
BENCHMARK(one_behind_a_million)
    ->ArgNames({"fair"})
    ->Args({0})
    ->Args({1})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace joinery::broker

BENCHMARK_MAIN();
