// The thread of a consumer, which speaks with the broker.
#include <algorithm>
#include <utility>

#include "producer/client/consumer.h"
#include "producer/client/joinery/client.h"
#include "shared/base/check.h"
#include "shared/base/longest_wait.h"
#include "shared/protocol/codec.h"

namespace joinery::client {
namespace {

using namespace std::chrono_literals;

constexpr Duration give_back_after = 100ms;
constexpr Duration look_again_after = 1ms;

Session::Options session_options(const ConsumerOptions& options) {
  Session::Options session;
  session.hello = new_hello(protocol::Role::worker, options.name);
  session.hello.processes = 1;
  session.hello.queues = {options.queue};
  session.hello.handlers = {options.handler};
  session.endpoint = options.endpoint;
  if (options.timeout.count() >= 0) session.timeout = at_longest(options.timeout);
  return session;
}

}  // namespace

Consumer::Consumer(ConsumerOptions options)
    : options_(std::move(options)),
      prefetch_(options_.in_order),
      link_(options_.endpoint),
      session_(
          session_options(options_), [this](Bytes frame) { return link_.send(frame); }, read_clocks()) {
  session_.on_hello = [this](protocol::Hello& hello) { add_held(hello); };
  session_.on_welcome = [this](const protocol::Welcome&) { sent_ = 0; };
  session_.on_message = [this](Now now, protocol::Message& message) { receive(now, message); };
  thread_ = quiet_thread([this] { run(); });
}

void Consumer::run() {
  while (!stopped_) {
    const Now now = read_clocks();
    follow_changes(now);
    turn(now);
    if (session_.tick(now)) link_.open();
    stop_if_done(now);
    if (!drain(now) && !stopped_) link_.sleep_until(next_deadline());
  }
}

// What was meant for the last connection must not come after the next hello, which says what is held.
void Consumer::follow_changes(Now now) {
  bool lost = false;
  for (const int change : link_.changes()) {
    if (change > 0) session_.connected(now);
    if (change < 0) lost = true;
  }
  if (!lost) return;
  session_.lost(now);
  link_.open();
}

bool Consumer::drain(Now now) {
  bool any = false;
  for (;;) {
    // What deliveries have views into is theirs from then on: how many of them still do can be counted, but
    // not whether they have done reading.
    if (std::exchange(frame_kept_, false) || !frame_) frame_ = std::make_shared<Buffer>();
    if (!link_.receive(*frame_)) return any;
    session_.received(now, *frame_);
    any = true;
  }
}

// Less capacity is told before the finishes, and more after them: else the broker would fill, for a moment,
// what is not wanted.
void Consumer::turn(Now now) {
  std::vector<protocol::Finish> finishes;
  gather(now, finishes);
  add_unacked(finishes);
  if (!session_.live()) return;
  tell_capacity(now, false);
  send_finishes(now);
  tell_capacity(now, true);
  probe(now);
}

void Consumer::gather(Now now, std::vector<protocol::Finish>& finishes) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  live_ = session_.live();
  const bool met = live_ && !std::exchange(met_, true);
  if (fail_waiters(now) || met) changed_.notify_all();
  const Duration patience = options_.in_order ? 0ms : give_back_after;
  if (!buffer_.empty() && wanted_by_nobody() && now.mono >= used_at_ + patience) give_back();
  if (!probing_) given_back_before_ = given_back_;  // these come before the next question
  awake_soon_ = finished_ != 0 && !buffer_.empty();
  finished_ = 0;
  finishes.swap(finishes_);
}

// The last one first, so that the first one comes to stand before the others.
void Consumer::give_back() {
  for (auto each = buffer_.rbegin(); each != buffer_.rend(); ++each) {
    gathered().reports.push_back({Report::Kind::released, each->token, {}, {}});
  }
  given_back_ += buffer_.size();
  buffer_.clear();
  prefetch_.unused();
}

Consumer::Wanted Consumer::wanted() const {
  const std::lock_guard lock(mutex_);
  if (closed_) return {};
  const std::uint32_t window = prefetch_.window();
  std::size_t demand = 0;
  for (const Waiter* waiter : waiters_) demand += waiter->wanted;
  demand = handed_.size() + std::max<std::size_t>(demand, window);
  return {static_cast<std::uint32_t>(std::min<std::size_t>(demand, UINT32_MAX)), window};
}

// Small changes of a large number are not worth a frame.
void Consumer::tell_capacity(Now now, bool more) {
  const auto [capacity, window] = wanted();
  if (capacity == told_ || (capacity > told_) != more) return;
  constexpr std::uint32_t small = 8;
  const std::uint32_t difference = more ? capacity - told_ : told_ - capacity;
  if (capacity != 0 && told_ != 0 && window >= small && difference <= window / 4) return;
  if (session_.tell(now, protocol::Capacity{capacity})) told_ = capacity;
}

void Consumer::add_unacked(std::vector<protocol::Finish>& finishes) {
  for (protocol::Finish& finish : finishes) {
    finish.sequence = session_.number();
    Unacked& kept = unacked_.emplace_back();
    kept.sequence = finish.sequence;
    protocol::encode(finish, kept.frame);
  }
}

void Consumer::send_finishes(Now now) {
  while (sent_ < unacked_.size() && session_.tell_frame(now, unacked_[sent_].frame)) ++sent_;
}

bool Consumer::fail_waiters(Now now) {
  bool any = false;
  for (Waiter* waiter : waiters_) {
    if (!session_.refused() && !session_.given_up(now, waiter->since)) continue;
    waiter->error = session_.refused() ? *session_.refused() : session_.unreachable();
    any = true;
  }
  return any;
}

Mono Consumer::next_deadline() {
  const std::lock_guard lock(mutex_);
  Mono next = session_.next_deadline();
  for (const Waiter* waiter : waiters_) {
    if (!waiter->error) next = std::min(next, session_.give_up_at(waiter->since));
  }
  if (!buffer_.empty() && wanted_by_nobody()) {
    next = std::min(next, options_.in_order ? Mono{} : used_at_ + give_back_after);
  }
  if (awake_soon_ || finished_ != 0) next = std::min(next, read_clocks().mono + look_again_after);
  if (probe_at_ != Mono{}) next = std::min(next, probe_at_);
  return std::min(next, close_at_.value_or(never_mono));
}

void Consumer::stop_if_done(Now now) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ || !finishes_.empty()) return;
  }
  constexpr Duration at_most = 10s;
  if (!close_at_)
    close_at_ = now.mono + (options_.timeout.count() < 0 ? at_most : Duration(at_longest(options_.timeout)));
  if (!unacked_.empty() && now.mono < *close_at_ && !session_.refused()) return;
  session_.tell(now, protocol::Goodbye{"done"});
  stopped_ = true;
}

void Consumer::add_held(protocol::Hello& hello) {
  std::vector<protocol::Finish> finishes;
  hello.held.clear();
  {
    const std::lock_guard lock(mutex_);
    for (const Delivery& each : buffer_) hello.held.push_back(each.token);
    for (const Handed& each : handed_) {
      if (!each.revoked) hello.held.push_back(each.token);
    }
    finished_ = 0;
    finishes.swap(finishes_);
  }
  add_unacked(finishes);
  for (const Unacked& each : unacked_) {
    protocol::Finish finish;
    JOINERY_CHECK(protocol::decode_finish(each.frame, finish));
    for (const protocol::RunOf& run : finish.succeeded) {
      for (std::uint32_t i = 0; i < run.count; ++i)
        hello.held.push_back({run.first + i, run.attempt, run.epoch});
    }
    for (const Report& report : finish.reports) hello.held.push_back(report.token);
  }
  hello.capacity = told_ = wanted().capacity;
}

void Consumer::receive(Now now, protocol::Message& message) {
  if (auto* dispatch = std::get_if<protocol::Dispatch>(&message)) return receive(now, *dispatch);
  if (const auto* acked = std::get_if<protocol::Acked>(&message)) return receive(*acked);
  if (const auto* revoke = std::get_if<protocol::Revoke>(&message)) return receive(*revoke);
}

void Consumer::receive(Now now, protocol::Dispatch& dispatch) {
  const std::lock_guard lock(mutex_);
  for (const protocol::DispatchGroup& group : dispatch.groups) {
    for (const protocol::DispatchedJob& job : group.jobs) {
      buffer_.push_back({{job.job, job.attempt, group.epoch}, job.payload, frame_});
      frame_kept_ = true;
    }
  }
  prefetch_.filled();
  used_at_ = now.mono;
  waiters_.size() == 1 ? changed_.notify_one() : changed_.notify_all();
}

void Consumer::receive(const protocol::Acked& acked) {
  while (!unacked_.empty() && unacked_.front().sequence <= acked.sequence) {
    unacked_.pop_front();
    if (sent_ > 0) --sent_;
  }
}

// What runs elsewhere is nothing to us any more; what was cancelled is reported so.
void Consumer::receive(const protocol::Revoke& revoke) {
  const std::lock_guard lock(mutex_);
  const auto named = [&](const Token& token) {
    return std::ranges::find(revoke.tokens, token) != revoke.tokens.end();
  };
  std::vector<Token> gone;
  std::erase_if(buffer_, [&](const Delivery& each) {
    if (named(each.token)) gone.push_back(each.token);
    return named(each.token);
  });
  for (Handed& each : handed_) {
    if (each.revoked || !named(each.token)) continue;
    each.revoked = true;
    gone.push_back(each.token);
  }
  if (revoke.reason != Code::cancelled) return;
  for (const Token& token : gone) gathered().reports.push_back({Report::Kind::cancelled, token, {}, {}});
}

}  // namespace joinery::client
