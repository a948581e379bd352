// The parts of Pool and Executor that know no types.
#include "joinery/pool.h"

#include <algorithm>

#include "producer/sdk/calls.h"
#include "producer/sdk/chunk.h"
#include "producer/sdk/runner.h"

namespace joinery {
namespace sdk {
namespace {

constexpr std::size_t chunks_per_slot = 4;
constexpr std::size_t chunk_items_max = 4096;
constexpr std::size_t chunk_bytes_max = 256U << 10U;

// As many chunks as keep every process busy to the end, none so large that it is a burden.
std::size_t usual_chunksize(const std::vector<Buffer>& items, std::size_t slots) {
  std::size_t bytes = 0;
  for (const Buffer& item : items) bytes += item.size();
  const std::size_t even = (items.size() + chunks_per_slot * slots - 1) / (chunks_per_slot * slots);
  const std::size_t by_size = bytes == 0 ? even : items.size() * chunk_bytes_max / bytes;
  return std::clamp<std::size_t>(std::min(even, by_size), 1, chunk_items_max);
}

std::shared_ptr<Cell> submit(Runner& runner, Runner::Jobs jobs, Then then) {
  std::vector<std::uint32_t> items =
      jobs.items.empty() ? std::vector<std::uint32_t>(jobs.payloads.size(), 1) : jobs.items;
  auto cell = std::make_shared<Cell>(Cell::Shape{jobs.task, jobs.chunked, std::move(items)});
  if (then) cell->then([raw = cell.get(), then = std::move(then)] { then(*raw); });
  runner.submit(std::move(jobs), cell);
  return cell;
}

}  // namespace

std::shared_ptr<Cell> submit_one(Runner& runner, Call call, Then then) {
  Runner::Jobs jobs;
  jobs.task = std::move(call.task);
  jobs.timeout = call.timeout.value_or(runner.options().timeout);
  jobs.payloads = std::move(call.items);
  return submit(runner, std::move(jobs), std::move(then));
}

std::shared_ptr<Cell> submit_chunks(Runner& runner, Call call, Then then) {
  Runner::Jobs jobs;
  jobs.task = std::move(call.task);
  jobs.chunked = call.chunked;
  jobs.timeout = call.timeout.value_or(runner.options().timeout);
  if (!call.chunked) {
    jobs.payloads = std::move(call.items);
    return submit(runner, std::move(jobs), std::move(then));
  }
  const std::size_t usual = jobs.timeout.count() > 0 ? 1 : usual_chunksize(call.items, runner.slots());
  const std::size_t chunksize = call.chunksize != 0 ? call.chunksize : usual;
  const std::span<const Buffer> all = call.items;
  for (std::size_t at = 0; at < all.size(); at += chunksize) {
    const auto some = all.subspan(at, std::min(chunksize, all.size() - at));
    jobs.payloads.push_back(join_items(some));
    jobs.items.push_back(static_cast<std::uint32_t>(some.size()));
  }
  return submit(runner, std::move(jobs), std::move(then));
}

Stream open_stream(std::shared_ptr<Runner> runner, const std::string& task, bool chunked,
                   std::size_t chunksize, bool ordered, Stream::Pull pull) {
  Stream::Options options;
  options.task = task;
  options.chunked = chunked;
  options.timeout = runner->options().timeout;
  options.chunksize = chunked ? std::max<std::size_t>(chunksize, 1) : 1;
  options.window = runner->options().window;
  options.ordered = ordered;
  return {std::move(runner), std::move(options), std::move(pull)};
}

}  // namespace sdk

Pool::Pool(const Program& program, PoolOptions options)
    : runner_(std::make_shared<sdk::Runner>(program, options)) {}
Pool::~Pool() { terminate(); }

void Pool::close() { runner_->close(); }

bool Pool::join(Timeout timeout) {
  if (!runner_->closed()) throw ValueError("join of a pool that is neither closed nor terminated");
  return runner_->join(timeout);
}

void Pool::terminate() { runner_->terminate(); }

std::shared_ptr<sdk::Cell> Pool::start_one(sdk::Call call, Then then) {
  return sdk::submit_one(*runner_, std::move(call), std::move(then));
}

std::shared_ptr<sdk::Cell> Pool::run_one(sdk::Call call) {
  std::shared_ptr<sdk::Cell> cell;
  runner_->attend([&] { cell = sdk::submit_one(*runner_, std::move(call), {}); },
                  [&] { return cell->ready(); });
  cell->wait({});
  return cell;
}

std::shared_ptr<sdk::Cell> Pool::start_many(sdk::Call call, Then then) {
  return sdk::submit_chunks(*runner_, std::move(call), std::move(then));
}

sdk::Stream Pool::start_stream(const std::string& task, bool chunked, std::size_t chunksize, bool ordered,
                               sdk::Stream::Pull pull) {
  return sdk::open_stream(runner_, task, chunked, chunksize, ordered, std::move(pull));
}

}  // namespace joinery
