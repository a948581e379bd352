#include "worker/supervisor/finishes.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/protocol/codec.h"

namespace joinery::worker {
namespace {

constexpr std::size_t reports_per_frame = 1024;
constexpr std::size_t runs_per_frame = 8192;
constexpr std::size_t result_bytes_per_frame = 1U << 20U;
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

void Finishes::succeeded(std::span<const Token> tokens) {
  for (const Token& token : tokens) {
    add_to_runs(token);
    if (runs_.size() >= runs_per_frame || run_jobs_ >= limits::jobs_per_frame_max / 2) frame();
  }
}

void Finishes::answered(const Token& token, Bytes result) {
  add_to_runs(token);
  results_.emplace_back(token.job, result.size());
  result_bytes_.append(result);
  if (runs_.size() >= runs_per_frame || result_bytes_.size() >= result_bytes_per_frame) frame();
}

// Consecutive jobs of one attempt and epoch become one run.
void Finishes::add_to_runs(const Token& token) {
  ++run_jobs_;
  if (!runs_.empty()) {
    auto& last = runs_.back();
    if (last.first + last.count == token.job && last.attempt == token.attempt && last.epoch == token.epoch) {
      ++last.count;
      return;
    }
  }
  runs_.push_back({token.job, 1, token.attempt, token.epoch});
}

void Finishes::frame() {
  std::size_t next = 0;
  while (!runs_.empty() || next < reports_.size()) {
    protocol::Finish finish;
    finish.sequence = new_sequence();
    finish.succeeded = std::exchange(runs_, {});
    next = take_reports(finish, next, take_results(finish));
    Unacked& unacked = unacked_.emplace_back();
    unacked.sequence = finish.sequence;
    protocol::encode(protocol::Message(std::move(finish)), unacked.frame);
  }
  reports_.clear();
  result_bytes_.clear();
  run_jobs_ = 0;
}

// Their bytes, which the finish has views of.
std::size_t Finishes::take_results(protocol::Finish& finish) {
  std::size_t at = 0;
  for (const auto& [job, size] : std::exchange(results_, {})) {
    finish.results.push_back({job, Bytes(result_bytes_).substr(at, size)});
    at += size;
  }
  return at;
}

// As many from `next` on as fit beside so many bytes. The first that did not.
std::size_t Finishes::take_reports(protocol::Finish& finish, std::size_t next, std::size_t bytes) {
  for (; next < reports_.size() && finish.reports.size() < reports_per_frame; ++next) {
    OwnedReport& one = reports_[next];
    const std::size_t more = bytes_of(one);
    if (bytes > 0 && bytes + more > report_bytes_per_frame) break;
    bytes += more;
    finish.reports.push_back(std::move(one.report));
  }
  return next;
}

void Finishes::acked(std::uint64_t sequence) {
  while (!unacked_.empty() && unacked_.front().sequence <= sequence) {
    unacked_.pop_front();
    if (sent_ > 0) --sent_;
  }
}

bool Finishes::forget(std::uint64_t sequence) {
  const auto refused = std::ranges::find(unacked_, sequence, &Unacked::sequence);
  if (refused == unacked_.end()) return false;
  if (static_cast<std::size_t>(refused - unacked_.begin()) < sent_) --sent_;
  unacked_.erase(refused);
  return true;
}

void Finishes::add_held(std::vector<Token>& out) const {
  protocol::Finish finish;
  for (const auto& [sequence, frame] : unacked_) {
    const auto done = protocol::decode_finish(frame, finish);
    JOINERY_CHECK(done.has_value());
    for (const auto& run : finish.succeeded) {
      for (std::uint32_t i = 0; i < run.count; ++i) out.push_back({run.first + i, run.attempt, run.epoch});
    }
    for (const auto& report : finish.reports) out.push_back(report.token);
  }
}

}  // namespace joinery::worker
