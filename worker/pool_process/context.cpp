#include "worker/pool_process/context.h"

#include <algorithm>

#include "shared/base/utf8.h"

namespace joinery::pool_process {

void Context::begin(const Batch& batch, const pool::RunJob& job, Mono now) {
  batch_ = &batch;
  job_ = &job;
  started_ = now;
  if (payloads_.empty()) return;
  children_.clear();
  payloads_.clear();
}

std::optional<Mono> Context::deadline() const {
  if (batch_->info.soft_timeout_ms == 0) return std::nullopt;
  return started_ + std::chrono::milliseconds(batch_->info.soft_timeout_ms);
}

std::optional<Code> Context::stopped() const {
  if (const auto reason = cancellations_.reason(id())) return reason;
  const auto end = deadline();
  if (end && read_clocks().mono >= *end) return Code::soft_time_limit;
  return std::nullopt;
}

void Context::on_cancel(std::function<void()> call) { cancellations_.on_cancel(id(), std::move(call)); }

void Context::progress(double fraction, std::string_view text) {
  // Not a number is no progress.
  const double kept = fraction >= 0 ? std::min(fraction, 1.0) : 0.0;
  outbox_.progress({id(), kept, readable(text)});
  outbox_.send_soon();
}

void Context::log(std::string_view level, std::string_view text) {
  outbox_.send(pool::Log{id(), readable(level), readable(text)});
  outbox_.send_soon();
}

void Context::hold(KeyHold hold) {
  outbox_.send(pool::Hold{id(), std::move(hold)});
  outbox_.send_soon();
}

void Context::submit(std::string handler, Buffer payload, std::string queue) {
  if (queue.empty()) queue = this->queue();
  // Children like the last one join its group: a crawler's thousand links are one.
  const bool alike = plain_ && !children_.empty() && children_.back().spec.handler == handler &&
                     children_.back().queue == queue &&
                     children_.back().payloads.size() < limits::jobs_per_frame_max;
  if (alike && payload.size() <= limits::payload_max_default) {
    children_.back().payloads.emplace_back(payloads_.emplace_back(std::move(payload)));
    return;
  }
  Group group;
  group.queue = std::move(queue);
  group.spec.handler = std::move(handler);
  group.payloads.emplace_back(payload);
  submit(std::move(group));
  plain_ = true;
}

void Context::submit(Group group) {
  if (group.batch == 0) group.batch = batch();
  group.parent = id();
  if (const auto valid = validate(group, limits::payload_max_default); !valid) {
    throw std::invalid_argument("submit: " + valid.error().message);
  }
  for (Bytes& payload : group.payloads) payload = payloads_.emplace_back(payload);
  children_.push_back(std::move(group));
  plain_ = false;
}

}  // namespace joinery::pool_process
