// What a job costs in msgpack on its way: each frame of 1024 jobs of 100 bytes, written and read, in the
// order of the hops. items_per_second is jobs. The way of a job is the sum of all but those of reports.
#include <benchmark/benchmark.h>

#include <numeric>
#include <string>
#include <vector>

#include "shared/protocol/codec.h"
#include "shared/protocol/pool.h"

namespace joinery::protocol {
namespace {

constexpr std::uint32_t jobs = 1024;
constexpr JobId first = 5'000'000'000;  // an id of nine bytes, as all are after a while
constexpr std::size_t payload_max = std::size_t{1} << 20;
const std::string payload(100, 'x');

// Runs `step` per iteration; each works on `jobs` jobs.
template <typename Step>
void per_job(benchmark::State& state, Step step) {
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * jobs);
}

// Writes into the same buffer over and over, as the programs do.
template <typename Write>
void writing(benchmark::State& state, Write write) {
  Buffer frame;
  per_job(state, [&] {
    frame.clear();
    write(frame);
    benchmark::DoNotOptimize(frame.data());
  });
  state.counters["bytes"] = static_cast<double>(frame.size()) / jobs;
}

Submit submit(bool keyed) {
  Submit submit;
  submit.sequence = 7;
  submit.confirmed = 6;
  Group group;
  group.queue = "mail";
  group.spec.handler = "noop";
  group.payloads.assign(jobs, payload);
  for (std::uint32_t i = 0; keyed && i < jobs; ++i)
    group.columns.key.push_back("host:" + std::to_string(i) + ".example.org");
  submit.groups.push_back(std::move(group));
  return submit;
}

void submit_written(benchmark::State& state) {
  const Submit message = submit(state.range(0) != 0);
  writing(state, [&](Buffer& frame) { encode(message, frame); });
}
BENCHMARK(submit_written)->ArgName("keys")->Arg(0)->Arg(1);

void submit_read(benchmark::State& state) {
  Buffer frame;
  encode(submit(state.range(0) != 0), frame);
  RawSubmit out;
  per_job(state, [&] {
    if (!decode_submit(frame, payload_max, out)) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(out.groups.data());
  });
}
BENCHMARK(submit_read)->ArgName("keys")->Arg(0)->Arg(1);

void write_dispatch(Buffer& frame, Bytes spec) {
  DispatchWriter writer;
  writer.begin(frame, 1);
  writer.begin_group("mail", spec, 1, jobs);
  for (std::uint32_t i = 0; i < jobs; ++i) {
    writer.begin_job(first + i, 1, 0, 0, static_cast<std::uint32_t>(payload.size()));
    frame.append(payload);
  }
}

Buffer spec_of_a_job() {
  Spec spec;
  spec.handler = "noop";
  Buffer raw;
  encode_spec(spec, raw);
  return raw;
}

void dispatch_written(benchmark::State& state) {
  const Buffer spec = spec_of_a_job();
  writing(state, [&](Buffer& frame) { write_dispatch(frame, spec); });
}
BENCHMARK(dispatch_written);

void dispatch_read(benchmark::State& state) {
  Buffer frame;
  write_dispatch(frame, spec_of_a_job());
  Dispatch out;
  per_job(state, [&] {
    if (!decode_dispatch(frame, out)) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(out.groups.data());
  });
}
BENCHMARK(dispatch_read);

pool::Message run() {
  pool::Run run;
  run.handler = "noop";
  run.info.queue = "mail";
  for (std::uint32_t i = 0; i < jobs; ++i) run.jobs.push_back({Token{first + i, 1, 1}, 0, payload});
  return run;
}

void run_written(benchmark::State& state) {
  const pool::Message message = run();
  writing(state, [&](Buffer& frame) { pool::encode(message, frame); });
}
BENCHMARK(run_written);

// What a stream of one message costs to read, with the memory of the message before.
void stream_read(benchmark::State& state, const pool::Message& message) {
  Buffer frame;
  pool::encode(message, frame);
  pool::Message out;
  per_job(state, [&] {
    if (!pool::decode(frame, out)) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(&out);
  });
}

void run_read(benchmark::State& state) { stream_read(state, run()); }
BENCHMARK(run_read);

pool::Message done() {
  pool::Done done;
  for (std::uint32_t i = 0; i < jobs; ++i) {
    pool::Done::One one;
    one.job = first + i;
    done.outcomes.push_back(std::move(one));
  }
  return done;
}

void done_written(benchmark::State& state) {
  const pool::Message message = done();
  writing(state, [&](Buffer& frame) { pool::encode(message, frame); });
}
BENCHMARK(done_written);

void done_read(benchmark::State& state) { stream_read(state, done()); }
BENCHMARK(done_read);

// Jobs that succeeded are runs of neighbours; `runs` is how many the jobs fall into.
Finish finish(std::uint32_t runs) {
  Finish finish;
  finish.sequence = 9;
  for (std::uint32_t i = 0; i < runs; ++i)
    finish.succeeded.push_back({first + std::uint64_t{2} * i * (jobs / runs), jobs / runs, 1, 1});
  return finish;
}

void finish_written(benchmark::State& state) {
  const Finish message = finish(static_cast<std::uint32_t>(state.range(0)));
  writing(state, [&](Buffer& frame) { encode(message, frame); });
}
BENCHMARK(finish_written)->ArgName("runs")->Arg(2)->Arg(jobs);

void finish_read(benchmark::State& state) {
  Buffer frame;
  encode(finish(static_cast<std::uint32_t>(state.range(0))), frame);
  Finish out;
  per_job(state, [&] {
    if (!decode_finish(frame, out)) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(out.succeeded.data());
  });
}
BENCHMARK(finish_read)->ArgName("runs")->Arg(2)->Arg(jobs);

// Reports, which only jobs have that failed, or whose result or children come with them.
void reports_written(benchmark::State& state) {
  Finish message = finish(2);
  for (std::uint32_t i = 0; i < jobs; ++i) {
    Report report;
    report.token = {first + i, 1, 1};
    report.failure.type = "ValueError";
    report.failure.message = "expected a number";
    message.reports.push_back(std::move(report));
  }
  writing(state, [&](Buffer& frame) { encode(message, frame); });
}
BENCHMARK(reports_written);

}  // namespace
}  // namespace joinery::protocol

BENCHMARK_MAIN();
