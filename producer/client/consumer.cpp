// The callers' side of a consumer.
#include "producer/client/consumer.h"

#include <algorithm>

#include "producer/client/joinery/client.h"
#include "shared/base/longest_wait.h"

namespace joinery::client {
namespace {

constexpr std::size_t finishes_per_frame = limits::jobs_per_frame_max / 2;
constexpr std::size_t runs_per_frame = 8192;
// Of a broker that is there.
constexpr std::chrono::milliseconds withdrawn_within{100};

Mono mono_now() { return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()); }

ClientError closed() { return ClientError(Error{Code::closed, "the queue was closed", {}}); }

}  // namespace

std::size_t Consumer::take(std::span<Delivery> out, Timeout timeout) {
  const Mono asked = mono_now();
  std::unique_lock lock(mutex_);
  if (closed_) throw closed();
  if (handed_number_ != 0) prefetch_.used(asked - handed_at_, std::exchange(handed_number_, 0));
  if (buffer_.empty()) {
    Waiter waiter{
        .wanted = out.size(), .since = asked, .probe = timeout && timeout->count() <= 0, .error = {}};
    waiters_.push_back(&waiter);
    wait(lock, waiter, timeout);
    std::erase(waiters_, &waiter);
    if (closed_) throw closed();
    if (buffer_.empty() && waiter.error) throw ClientError(*waiter.error);
    used_at_ = handed_at_ = mono_now();
  } else {
    used_at_ = handed_at_ = asked;
  }
  handed_number_ = pop(out);
  return handed_number_;
}

void Consumer::wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Timeout timeout) {
  const auto wake = [&] {
    if (!std::exchange(woken_, true)) link_.wake();
  };
  const auto over = [&] { return !buffer_.empty() || waiter.answered || waiter.error || closed_; };
  wake();
  // Its time begins when there is a broker to be waited for.
  if (timeout) changed_.wait(lock, [&] { return met_ || over(); });
  if (!timeout || waiter.probe) {
    changed_.wait(lock, over);
  } else if (!changed_.wait_for(lock, at_longest(*timeout), over) && !live_) {
    waiter.error = Error{Code::broker_unreachable, "no broker answers at " + options_.endpoint, {}};
  }
  if (!buffer_.empty()) return;
  if (timeout && !waiter.error && !closed_) {
    waiter.leave();
    wake();
    changed_.wait_for(lock, withdrawn_within, over);
  }
  wake();  // it wants less now
}

std::size_t Consumer::pop(std::span<Delivery> out) {
  const std::size_t number = std::min(out.size(), buffer_.size());
  for (std::size_t i = 0; i < number; ++i) {
    out[i] = std::move(buffer_.front());
    buffer_.pop_front();
    handed_.push_back({out[i].token});
  }
  return number;
}

// Takes it off what is handed out; false: it was revoked. The last ones are looked at first.
bool Consumer::hand_back(const Token& token) {
  const auto found =
      std::find_if(handed_.rbegin(), handed_.rend(), [&](const Handed& each) { return each.token == token; });
  if (found == handed_.rend()) return false;
  const bool ours = !found->revoked;
  handed_.erase(std::next(found).base());
  return ours;
}

protocol::Finish& Consumer::gathered() {
  if (finishes_.empty() || finishes_.back().succeeded.size() >= runs_per_frame ||
      finished_ >= finishes_per_frame * finishes_.size()) {
    finishes_.emplace_back();
  }
  ++finished_;
  return finishes_.back();
}

// Consecutive jobs of one attempt and epoch become one run.
void Consumer::record_finish(const Token& token) {
  auto& runs = gathered().succeeded;
  if (!runs.empty()) {
    protocol::RunOf& last = runs.back();
    if (last.first + last.count == token.job && last.attempt == token.attempt && last.epoch == token.epoch) {
      ++last.count;
      return;
    }
  }
  runs.push_back({token.job, 1, token.attempt, token.epoch});
}

// While items are there and the thread is about to look anyway, a finish may wait for its neighbours.
bool Consumer::wake_for_finish() {
  const std::size_t enough = std::max<std::size_t>(1, prefetch_.window() / 4);
  if (!buffer_.empty() && awake_soon_ && finished_ < enough) return false;
  return !std::exchange(woken_, true);
}

void Consumer::finish(const Token& token) {
  std::unique_lock lock(mutex_);
  if (hand_back(token)) record_finish(token);
  const bool wake = wake_for_finish();
  lock.unlock();
  if (wake) link_.wake();
}

bool Consumer::finish_oldest() {
  std::unique_lock lock(mutex_);
  if (handed_.empty()) return false;
  if (!handed_.front().revoked) record_finish(handed_.front().token);
  handed_.pop_front();
  const bool wake = wake_for_finish();
  lock.unlock();
  if (wake) link_.wake();
  return true;
}

void Consumer::reject(const Token& token, Failure failure) {
  const std::lock_guard lock(mutex_);
  if (!hand_back(token)) return;
  gathered().reports.push_back({Report::Kind::rejected, token, std::move(failure), {}});
  if (!std::exchange(woken_, true)) link_.wake();
}

// The last one first, so that the first one comes to stand before the others.
void Consumer::release(std::span<const Delivery> items) {
  const std::lock_guard lock(mutex_);
  for (auto each = items.rbegin(); each != items.rend(); ++each) {
    if (!hand_back(each->token)) continue;
    gathered().reports.push_back({Report::Kind::released, each->token, {}, {}});
    ++given_back_;
  }
  if (!std::exchange(woken_, true)) link_.wake();
}

std::uint64_t Consumer::waiting() {
  std::unique_lock lock(mutex_);
  if (closed_) throw closed();
  Waiter waiter{.wanted = 0, .since = mono_now(), .probe = true, .counts = true, .error = {}};
  waiters_.push_back(&waiter);
  if (!std::exchange(woken_, true)) link_.wake();
  changed_.wait(lock, [&] { return waiter.answered || waiter.error || closed_; });
  std::erase(waiters_, &waiter);
  if (waiter.error) throw ClientError(*waiter.error);
  if (!waiter.answered) throw closed();
  return waiter.count;
}

bool Consumer::wanted_by_nobody() const {
  return std::ranges::all_of(waiters_, [](const Waiter* waiter) { return waiter->counts; });
}

void Consumer::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  link_.wake();
  if (thread_.joinable()) thread_.join();
}

Consumer::~Consumer() { close(); }

}  // namespace joinery::client
