#include "worker/pool_process/runner.h"

#include <fmt/format.h>

#include "shared/base/utf8.h"
#include "worker/handlers/failure.h"

namespace joinery::pool_process {

void Runner::run(Feed& feed) {
  const auto flush = [this] { outbox_.flush(); };
  while (const auto batch = feed.oldest(flush)) {
    while (const pool::RunJob* job = batch->take()) run(*batch, *job);
  }
}

void Runner::run(const Batch& batch, const pool::RunJob& job) {
  outbox_.send_soon();
  const Mono now = std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  slot_.begin(job.token.job, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  context_.begin(batch, job, now);
  if (const auto reason = cancellations_.reason(job.token.job)) {
    failed(job,
           {.code = *reason,
            .type = {},
            .message = fmt::format("{} before it began", word(*reason)),
            .where = {},
            .dossier = {}},
           may_retry(*reason));
  } else {
    call_handler(batch, job);
  }
  cancellations_.forget(job.token.job);
  slot_.end();
}

void Runner::call_handler(const Batch& batch, const pool::RunJob& job) {
  try {
    if (!batch.handler) {
      throw FailedWith({.code = Code::unknown_handler,
                        .type = {},
                        .message = fmt::format("this worker has no handler \"{}\"", batch.name),
                        .where = {},
                        .dossier = {}},
                       false);
    }
    Buffer result = (*batch.handler)(context_, job.payload);
    if (result.size() > result_max_) {
      throw UnencodableResult(
          fmt::format("the result has {} bytes, expected at most {}", result.size(), result_max_));
    }
    succeeded(batch, job, std::move(result));
  } catch (...) {
    auto [failure, retry, value] = handlers::describe_current_exception();
    // A handler that ends early because it was asked to has failed for that reason, however it says so.
    const auto stopped = context_.stopped();
    if (stopped && retry) {
      failure.code = *stopped;
      retry = may_retry(*stopped);
    }
    const bool keep = batch.info.keep_result && value.size() <= result_max_;
    failed(job, failure, retry, keep ? Bytes(value) : Bytes());
  }
}

void Runner::succeeded(const Batch& batch, const pool::RunJob& job, Buffer result) {
  const bool keep = batch.info.keep_result && !result.empty();
  if (!context_.children().empty()) {
    pool::Done::One outcome;
    outcome.job = job.token.job;
    if (keep) outcome.result = result;
    outcome.children = std::move(context_.children());
    outbox_.add(std::move(outcome));
  } else if (keep) {
    outbox_.succeeded(job.token.job, result);
  } else {
    outbox_.succeeded(job.token.job);
  }
}

void Runner::failed(const pool::RunJob& job, const Failure& failure, bool retry, Bytes value) {
  pool::Done::One outcome;
  outcome.job = job.token.job;
  outcome.ok = false;
  outcome.result = value;
  outcome.failure.code = failure.code;
  outcome.failure.type = readable(failure.type);
  outcome.failure.message = readable(failure.message);
  outcome.retry = retry;
  outbox_.add(std::move(outcome));
}

}  // namespace joinery::pool_process
