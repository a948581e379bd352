#include "worker/pool_process/lanes.h"

#include <utility>

namespace joinery::pool_process {

Lanes::Lanes(Outbox& outbox, Cancellations& cancellations, std::span<pool::BoardSlot> slots,
             std::size_t result_max)
    : outbox_(outbox), cancellations_(cancellations), end_(outbox, result_max) {
  for (pool::BoardSlot& slot : slots) lanes_.emplace_back(outbox, cancellations, slot, result_max);
  for (Lane& lane : lanes_) free_.push_back(&lane);
  ended_.reserve(lanes_.size());
}

void Lanes::run(Feed& feed) {
  for (;;) {
    if (look_.exchange(false)) stop_cancelled();
    settle_ended();
    const bool more = take_jobs(feed);  // into the lanes that are free now
    if (!more && free_.size() == lanes_.size()) return;
    outbox_.flush();
    loop_.turn(true);
  }
}

// False: no more will come.
bool Lanes::take_jobs(Feed& feed) {
  while (!free_.empty()) {
    bool closed = false;
    const auto batch = feed.oldest_now(closed);
    if (!batch) return !closed;
    while (!free_.empty()) {
      const pool::RunJob* job = batch->take();
      if (job == nullptr) break;
      begin(batch, *job);
    }
  }
  return true;
}

void Lanes::begin(const std::shared_ptr<Batch>& batch, const pool::RunJob& job) {
  if (!batch->waiting) {
    free_.back()->runner.run(*batch, job);
    loop_.turn(false);  // those that wait shall not wait for all of the others
    return settle_ended();
  }
  Lane& lane = *free_.back();
  free_.pop_back();
  lane.batch = batch;
  lane.job = &job;
  begin_waiting(lane);
  settle_ended();
}

void Lanes::begin_waiting(Lane& lane) {
  outbox_.send_soon();
  const Mono now = begin_now();
  const JobId id = lane.job->token.job;
  lane.slot.begin(id, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  lane.context.begin(*lane.batch, *lane.job, now);
  if (const auto reason = cancellations_.reason(id)) {
    end_.not_begun(id, *reason);
    ended_.push_back(&lane);
    return;
  }
  try {  // a raw handler may throw before it is a coroutine
    lane.coroutine.emplace((*lane.batch->waiting)(lane.context, lane.job->payload));
  } catch (...) {
    end_.threw(*lane.batch, *lane.job, lane.context);
    ended_.push_back(&lane);
    return;
  }
  lane.strand.emplace(loop_, [this, &lane] { ended_.push_back(&lane); });
  lane.strand->begin(lane.coroutine->handle());
}

void Lanes::settle_ended() {
  for (Lane* lane : std::exchange(ended_, {})) settle(*lane);
}

void Lanes::settle(Lane& lane) {
  if (lane.coroutine) {
    try {
      end_.returned(*lane.batch, *lane.job, lane.context, lane.coroutine->take());
    } catch (...) {
      end_.threw(*lane.batch, *lane.job, lane.context);
    }
  }
  cancellations_.forget(lane.job->token.job);
  lane.slot.end();
  lane.strand.reset();
  lane.coroutine.reset();
  lane.batch.reset();
  free_.push_back(&lane);
}

void Lanes::stop_cancelled() {
  for (Lane& lane : lanes_) {
    if (!lane.strand || lane.strand->cancelled() || !lane.context.stopped()) continue;
    lane.strand->cancel();
  }
}

}  // namespace joinery::pool_process
