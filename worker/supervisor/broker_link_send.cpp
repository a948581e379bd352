// What goes to the broker: finishes, in frames that are kept until they are acknowledged, capacity, progress,
// queries.
#include "shared/protocol/codec.h"
#include "worker/supervisor/broker_link.h"

namespace joinery::worker {
namespace {

constexpr std::size_t reports_per_frame = 1024;
constexpr std::size_t runs_per_frame = 8192;
constexpr std::size_t report_bytes_per_frame = 4U << 20U;  // the broker takes that beside the largest report

std::size_t bytes_of(const OwnedReport& one) {
  const Failure& failure = one.report.failure;
  std::size_t bytes =
      64 + failure.type.size() + failure.message.size() + failure.where.size() + failure.dossier.size();
  for (const Group& group : one.report.children) bytes += 1024 + 16 * group.payloads.size();
  return bytes + (one.payloads ? one.payloads->size() : 0);
}

}  // namespace

OwnedReport own(Report report) {
  if (report.children.empty()) return {std::move(report), nullptr};
  auto payloads = std::make_shared<Buffer>();
  for (const auto& group : report.children) {
    for (const Bytes payload : group.payloads) payloads->append(payload);
  }
  std::size_t at = 0;
  for (auto& group : report.children) {
    for (Bytes& payload : group.payloads) {
      payload = Bytes(*payloads).substr(at, payload.size());
      at += payload.size();
    }
  }
  return {std::move(report), std::move(payloads)};
}

// Consecutive jobs of one attempt and epoch become one run.
void BrokerLink::succeeded(std::span<const Token> tokens) {
  for (const Token& token : tokens) {
    if (!runs_.empty()) {
      auto& last = runs_.back();
      if (last.first + last.count == token.job && last.attempt == token.attempt &&
          last.epoch == token.epoch) {
        ++last.count;
        ++run_jobs_;
        continue;
      }
    }
    runs_.push_back({token.job, 1, token.attempt, token.epoch});
    ++run_jobs_;
    if (runs_.size() >= runs_per_frame || run_jobs_ >= limits::jobs_per_frame_max / 2) frame_finishes();
  }
}

void BrokerLink::report(OwnedReport report) { reports_.push_back(std::move(report)); }

void BrokerLink::progress(protocol::Progress progress) {
  progress_[progress.token.job] = std::move(progress);
}

// What has gathered becomes frames; few, and none too large.
void BrokerLink::frame_finishes() {
  std::size_t next = 0;
  while (!runs_.empty() || next < reports_.size()) {
    protocol::Finish finish;
    finish.sequence = ++last_sequence_;
    finish.succeeded = std::exchange(runs_, {});
    std::size_t bytes = 0;
    for (; next < reports_.size() && finish.reports.size() < reports_per_frame; ++next) {
      auto& one = reports_[next];
      const std::size_t more = bytes_of(one);
      if (bytes > 0 && bytes + more > report_bytes_per_frame) break;
      bytes += more;
      finish.reports.push_back(std::move(one.report));
    }
    Unacked& frame = unacked_.emplace_back();
    frame.sequence = finish.sequence;
    protocol::encode(protocol::Message(std::move(finish)), frame.frame);
  }
  reports_.clear();
  run_jobs_ = 0;
}

void BrokerLink::send_finishes(Mono now) {
  while (sent_ < unacked_.size() && state_ == State::in_session) {
    if (!send(now, Bytes(unacked_[sent_].frame))) return;
    ++sent_;
  }
}

// Small changes wait: less by a tenth or so is not worth a frame.
void BrokerLink::send_capacity(Mono now) {
  const std::uint32_t least = capacity_told_ - capacity_told_ / 8;
  const std::uint32_t most = capacity_told_ + capacity_told_ / 8;
  const bool same = capacity_ == capacity_told_;
  if (same || (capacity_ != 0 && capacity_told_ != 0 && capacity_ >= least && capacity_ <= most)) return;
  if (send(now, protocol::Message(protocol::Capacity{capacity_}))) capacity_told_ = capacity_;
}

void BrokerLink::send_progress(Mono now) {
  if (progress_.empty() || now < progress_at_ + progress_pause) return;
  for (auto& [job, progress] : progress_) {
    if (!send(now, protocol::Message(std::move(progress)))) break;
  }
  progress_.clear();
  progress_at_ = now;
}

void BrokerLink::flush(Mono now) {
  if (!runs_.empty() || !reports_.empty()) frame_finishes();
  if (state_ != State::in_session || blocked_) return;
  send_finishes(now);
  if (state_ == State::in_session && !blocked_) send_capacity(now);
  if (state_ == State::in_session && !blocked_) send_progress(now);
}

std::uint64_t BrokerLink::request(Mono now, const std::string& verb, Bytes arguments) {
  if (state_ != State::in_session || blocked_) return 0;
  protocol::Request request;
  request.sequence = ++last_sequence_;
  request.verb = verb;
  request.arguments = arguments;
  return send(now, protocol::Message(request)) ? request.sequence : 0;
}

}  // namespace joinery::worker
