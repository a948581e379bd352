#include "worker/supervisor/result_writer.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "shared/locks/release_owner.h"
#include "shared/manager/owner.h"

namespace joinery::worker {
namespace {

constexpr std::size_t batch_most = 512;
constexpr std::size_t under_way_most = 8192;
constexpr Duration retry_pause = std::chrono::milliseconds(200);

}  // namespace

void ResultWriter::use(const std::string& url, SessionId broker) {
  if (known_ && url == url_ && broker == broker_) return;
  known_ = true;
  url_ = url;
  broker_ = broker;
  opened_before_ = opened();
  redis_.reset();
  take_back();
  if (url.empty()) {
    spdlog::warn("the broker has no Redis: results are not kept");
  } else if (auto parsed = redis::parse_url(url)) {
    redis_ = std::make_unique<redis::Pipeline>(std::move(*parsed));
  } else {
    spdlog::error("redis url of the broker: {}; results are not kept", parsed.error().message);
  }
  if (!redis_) pass_all();
}

void ResultWriter::write(Item item) {
  if (known_ && !redis_) return done_(std::move(item.report));
  bytes_ += item.write.result.value.size();
  waiting_.push_back(std::move(item));
}

// Without an answer it is asked again on the next connection: the pipeline waits for it.
void ResultWriter::release_locks(const Token& token) {
  if (!redis_) return;
  locks::release_owner(*redis_, to_hex(broker_), manager_detail::job_owner(token.job, token.fence()),
                       [this, token](Result<std::uint64_t> released) {
                         if (!released && !redis_->connected()) release_locks(token);
                         if (released && *released > 0)
                           spdlog::info("job {} attempt {}: its locks are free", token.job, token.attempt);
                       });
}

void ResultWriter::pass_all() {
  bytes_ = 0;
  for (auto& item : std::exchange(waiting_, {})) done_(std::move(item.report));
}

void ResultWriter::held_tokens(std::vector<Token>& out) const {
  for (const auto& item : waiting_) out.push_back(item.report.report.token);
  for (const auto& batch : batches_) {
    for (const auto& one : batch->reports) {
      if (one.report.token.job != 0) out.push_back(one.report.token);
    }
  }
}

void ResultWriter::process(Now now, bool readable) {
  if (!redis_) return;
  redis_->process(now, readable);
  if (std::exchange(failed_, false)) retry_at_ = now.mono + retry_pause;
  if (now.mono >= retry_at_) send(now);
}

void ResultWriter::send(Now now) {
  bool sent = false;
  while (!waiting_.empty() && under_way_ < under_way_most) {
    auto batch = std::make_shared<Batch>();
    while (!waiting_.empty() && batch->writes.size() < batch_most) {
      batch->writes.push_back(std::move(waiting_.front().write));
      batch->reports.push_back(std::move(waiting_.front().report));
      waiting_.pop_front();
    }
    under_way_ += batch->writes.size();
    batches_.push_back(batch);
    sent = true;
    results::write(*redis_, broker_, batch->writes,
                   [this, batch](std::size_t index, const Result<bool>& stored) {
                     if (!stored) complain(stored.error());
                     ended(*batch, index, stored.has_value());
                     if (index + 1 == batch->writes.size()) std::erase(batches_, batch);
                   });
  }
  if (sent) redis_->process(now, false);
}

void ResultWriter::ended(Batch& batch, std::size_t index, bool stored) {
  OwnedReport report = std::exchange(batch.reports[index], OwnedReport{});
  --under_way_;
  if (stored) {
    bytes_ -= batch.writes[index].result.value.size();
    if (std::exchange(troubled_, false)) spdlog::info("Redis takes results again");
    return done_(std::move(report));
  }
  failed_ = true;
  waiting_.push_back({std::move(report), std::move(batch.writes[index])});
}

// Once, until results are taken again.
void ResultWriter::complain(const Error& error) {
  if (!std::exchange(troubled_, true))
    spdlog::warn("results, and the jobs that keep them, wait: {}", error.message);
}

// Of a connection that is given up: its callbacks will not come.
void ResultWriter::take_back() {
  for (const auto& batch : std::exchange(batches_, {})) {
    for (std::size_t i = 0; i < batch->reports.size(); ++i) {
      if (batch->reports[i].report.token.job != 0) ended(*batch, i, false);
    }
  }
}

Mono ResultWriter::next_deadline() const {
  if (!redis_) return never_mono;
  const Mono again = waiting_.empty() || under_way_ >= under_way_most ? never_mono : retry_at_;
  return std::min(again, redis_->next_deadline());
}

}  // namespace joinery::worker
