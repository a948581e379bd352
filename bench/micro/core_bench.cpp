// What a job costs in the core alone: put, dispatch and finish in batches, with `backlog` jobs waiting
// beside.
#include <benchmark/benchmark.h>

#include <chrono>

#include "bench/support/core_under_load.h"

namespace joinery::broker {
namespace {

using Bench = CoreUnderLoad;

void put_dispatch_finish(benchmark::State& state) {
  const auto batch = static_cast<std::uint32_t>(state.range(0));
  Bench bench(batch);
  for (std::int64_t waiting = 0; waiting < state.range(1); waiting += batch) bench.put("backlog");
  const double bytes = static_cast<double>(bench.core.memory_bytes());
  for (auto _ : state) {
    bench.put("mail");
    bench.dispatch();
    bench.finish();
  }
  state.SetItemsProcessed(state.iterations() * batch);
  if (state.range(1) != 0) state.counters["bytes/waiting"] = bytes / static_cast<double>(state.range(1));
}
BENCHMARK(put_dispatch_finish)
    ->ArgNames({"batch", "backlog"})
    ->Args({1, 0})
    ->Args({16, 0})
    ->Args({256, 0})
    ->Args({4096, 0})
    ->Args({256, 1'000'000});

// The backlog grows to a million and is worked off: put, dispatch and finish far apart.
void through_a_backlog(benchmark::State& state) {
  constexpr std::uint32_t batch = 256;
  for (auto _ : state) {
    Bench bench(batch);
    for (int i = 0; i < 4096; ++i) bench.put("mail");
    for (int i = 0; i < 512; ++i) {
      bench.dispatch();
      bench.finish();
    }
    if (bench.core.totals().succeeded != 4096 * batch) state.SkipWithError("jobs are left");
  }
  state.SetItemsProcessed(state.iterations() * 4096 * batch);
}
BENCHMARK(through_a_backlog)->Unit(benchmark::kMillisecond);

// However many jobs wait in it.
void cancel_a_batch(benchmark::State& state) {
  for (auto _ : state) {
    Bench bench(4096);
    const auto ask = [&bench](auto verb) {
      Admin admin{};
      admin.session = bench.producer;
      admin.sequence = ++bench.sequence;
      admin.verb = verb;
      bench.core.apply(bench.now, admin, bench.effects);
      bench.effects.clear();
    };
    ask(OpenBatch{});
    bench.into_batch = 1;
    for (std::int64_t waiting = 0; waiting < state.range(0); waiting += 4096) bench.put("mail");
    Target target;
    target.batch = 1;
    const auto before = std::chrono::steady_clock::now();
    ask(Cancel{target});
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
    if (bench.core.totals().unfinished() != 0) state.SkipWithError("jobs are left");
  }
}
BENCHMARK(cancel_a_batch)
    ->ArgName("jobs")
    ->Arg(4096)
    ->Arg(1'000'000)
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMicrosecond);

// Bytes of memory for each job that waits for a month.
void delayed_by_a_month(benchmark::State& state) {
  constexpr std::uint32_t jobs = 1'000'000;
  for (auto _ : state) {
    Bench bench(4096);
    const std::size_t before = bench.core.memory_bytes();
    Columns columns;
    columns.delay_ms.assign(4096, std::uint64_t{30} * 24 * 3'600'000);
    bench.columns = &columns;
    for (std::uint32_t waiting = 0; waiting < jobs; waiting += 4096) bench.put("mail");
    const double bytes = static_cast<double>(bench.core.memory_bytes() - before);
    state.counters["bytes/job"] = bytes / static_cast<double>(bench.core.totals().scheduled);
  }
}
BENCHMARK(delayed_by_a_month)->Iterations(1)->Unit(benchmark::kMillisecond);

void save_and_load(benchmark::State& state) {
  Bench bench(256);
  for (int i = 0; i < 4096; ++i) bench.put("mail");
  for (auto _ : state) {
    std::string saved;
    bench.core.save([&](Bytes piece) { saved += piece; });
    Core loaded{CoreOptions{}};
    if (!loaded.load(saved)) state.SkipWithError("load");
    state.counters["bytes"] = static_cast<double>(saved.size());
  }
  state.SetItemsProcessed(state.iterations() * 4096 * 256);
}
BENCHMARK(save_and_load)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace joinery::broker

BENCHMARK_MAIN();
