// The journal's hot path: encoding, checksums, append with group commit on a real disk, reading back.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "broker/journal/change_codec.h"
#include "broker/journal/crc32c.h"
#include "broker/journal/open_journal.h"

namespace joinery::broker {
namespace {

struct Nothing : Recovery {
  Result<> checkpoint(Bytes) override { return {}; }
  Result<> change(const Change&, std::uint64_t) override { return {}; }
};

// A journal in a directory of its own, below $JOINERY_BENCH_DIR or the current one.
struct Bench {
  std::string path;
  std::unique_ptr<Journal> journal;

  explicit Bench(std::uint64_t tail_bytes = std::uint64_t{32} << 20U) {
    const char* base = std::getenv("JOINERY_BENCH_DIR");
    path = fmt::format("{}/journal-bench-XXXXXX", base == nullptr ? "." : base);
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    JournalOptions options;
    options.directory = path;
    options.tail_bytes = tail_bytes;
    Nothing nothing;
    journal = open_journal(options, nothing, [](const Error& e) {
                fmt::print("{}\n", e.message), std::abort();
              }).value();
  }
  ~Bench() {
    journal.reset();
    std::filesystem::remove_all(path);
  }
};

// A Put of `count` jobs of 100 bytes.
struct Jobs {
  std::vector<std::uint32_t> sizes;
  std::string payload = std::string(100, 'p');
  std::vector<Bytes> payloads;
  Change change;
  std::span<const Bytes> group;

  explicit Jobs(std::size_t count) : sizes(count, 100), payloads(count, Bytes(payload)), group(payloads) {
    change::Put put;
    put.first = 1;
    put.count = static_cast<std::uint32_t>(count);
    put.sizes = sizes;
    change = put;
  }
  Appended append(Journal& journal) {
    const auto appended = journal.append({&change, 1}, {&group, 1});
    return appended;
  }
};

void checksum(benchmark::State& state) {
  const Buffer bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(journal::crc32c(bytes));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(checksum)->Arg(128)->Arg(32 << 10);

void encode_put(benchmark::State& state) {
  const Jobs jobs(static_cast<std::size_t>(state.range(0)));
  Buffer out;
  for (auto _ : state) {
    out.clear();
    journal::encode_changes({&jobs.change, 1}, out);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(encode_put)->Arg(1)->Arg(1000);

// The engine's side: append, and a commit for each 256 jobs; everything durable at the end.
void append_and_commit(benchmark::State& state) {
  Bench bench;
  Jobs jobs(static_cast<std::size_t>(state.range(0)));
  std::int64_t appended = 0;
  for (auto _ : state) {
    jobs.append(*bench.journal);
    appended += state.range(0);
    if (appended % 256 == 0) bench.journal->commit(true);
  }
  bench.journal->commit(true);
  while (bench.journal->durable() < bench.journal->end()) {
  }
  state.SetItemsProcessed(appended);
  state.counters["jobs_per_sync"] =
      static_cast<double>(appended) / static_cast<double>(bench.journal->stats().syncs);
}
BENCHMARK(append_and_commit)->Arg(1)->Arg(256)->UseRealTime();

// Payloads of 100 bytes in the order they came: from memory (0) or from files (1).
void read_back(benchmark::State& state) {
  Bench bench(state.range(0) == 0 ? std::uint64_t{1} << 30U : 0);
  Jobs jobs(1000);
  std::vector<Place> places;
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t position = jobs.append(*bench.journal).puts.front().position;
    for (std::uint64_t k = 0; k < 1000; ++k) places.push_back({position + k * 100, 100});
  }
  bench.journal->commit(true);
  while (bench.journal->durable() < bench.journal->end()) {
  }
  Buffer out;
  std::size_t at = 0;
  for (auto _ : state) {
    out.clear();
    if (!bench.journal->read(places[at], out)) std::abort();
    at = at + 1 == places.size() ? 0 : at + 1;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(read_back)->Arg(0)->Arg(1);

// Submit to durable, one at a time: what a lone caller waits for beyond the fdatasync.
void one_durable(benchmark::State& state) {
  Bench bench;
  Jobs jobs(1);
  for (auto _ : state) {
    jobs.append(*bench.journal);
    bench.journal->commit(true);
    while (bench.journal->durable() < bench.journal->end()) {
    }
  }
}
BENCHMARK(one_durable)->UseRealTime();

}  // namespace
}  // namespace joinery::broker

BENCHMARK_MAIN();
