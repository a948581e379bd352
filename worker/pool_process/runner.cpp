#include "worker/pool_process/runner.h"

#include <fmt/format.h>

namespace joinery::pool_process {

Mono begin_now() { return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()); }

void throw_unknown_handler(const std::string& name) {
  throw FailedWith({.code = Code::unknown_handler,
                    .type = {},
                    .message = fmt::format("this worker has no handler \"{}\"", name),
                    .where = {},
                    .dossier = {}},
                   false);
}

void Runner::run(Feed& feed, const std::function<bool()>& read) {
  const auto flush = [this] { outbox_.flush(); };
  while (const auto batch = feed.oldest(flush, read)) {
    while (const pool::RunJob* job = batch->take()) run(*batch, *job);
  }
}

void Runner::run(const Batch& batch, const pool::RunJob& job) {
  outbox_.send_soon();
  const Mono now = begin_now();
  slot_.begin(job.token.job, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  context_.begin(batch, job, now);
  if (const auto reason = cancellations_.reason(job.token.job)) {
    end_.not_begun(job.token.job, *reason);
  } else {
    call_handler(batch, job);
  }
  cancellations_.forget(job.token.job);
  slot_.end();
}

void Runner::call_handler(const Batch& batch, const pool::RunJob& job) {
  try {
    if (!batch.handler) throw_unknown_handler(batch.name);
    end_.returned(batch, job, context_, (*batch.handler)(context_, job.payload));
  } catch (...) {
    end_.threw(batch, job, context_);
  }
}

}  // namespace joinery::pool_process
