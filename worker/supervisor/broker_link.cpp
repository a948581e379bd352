#include "worker/supervisor/broker_link.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>

#include "shared/protocol/codec.h"

namespace joinery::worker {
namespace {

constexpr Duration hello_timeout = std::chrono::seconds(5);
constexpr Duration pause_after_error = std::chrono::milliseconds(300);
constexpr Duration pause_before_connect = std::chrono::milliseconds(1);
constexpr Duration pause_when_full = std::chrono::milliseconds(5);
constexpr Duration progress_pause = std::chrono::milliseconds(200);
constexpr Duration logs_pause = std::chrono::milliseconds(100);

SessionId random_session() {
  SessionId id;
  JOINERY_CHECK(::getrandom(&id, sizeof id, 0) == sizeof id);
  return id;
}

}  // namespace

BrokerLink::BrokerLink(transport::Context& context, std::string endpoint, protocol::Hello hello,
                       LinkEvents& events)
    : context_(context), endpoint_(std::move(endpoint)), hello_(std::move(hello)), events_(events) {
  hello_.role = protocol::Role::worker;
  hello_.session = random_session();
}

void BrokerLink::open(Mono now, std::vector<std::string> handlers) {
  hello_.handlers = std::move(handlers);
  if (state_ == State::closed) return connect(now);
  leave(now, Duration{0});
}

void BrokerLink::connect(Mono now) {
  dealer_ = std::make_unique<transport::Dealer>(context_, transport::Dealer::Options{});
  ++connection_;
  retry_at_ = hello_until_ = never_mono;
  finishes_.begin_again();
  blocked_ = false;
  if (auto done = dealer_->connect(endpoint_); !done) {
    spdlog::error("cannot connect to {}: {}", endpoint_, done.error().message);
    return disconnect(now, done.error().message, std::chrono::seconds(2));
  }
  state_ = State::connecting;
  hello_until_ = now + hello_timeout;
}

void BrokerLink::disconnect(Mono now, const std::string& why, Duration pause) {
  if (!told_lost_) spdlog::warn("no broker at {} ({}); held jobs go on, trying again", endpoint_, why);
  told_lost_ = true;
  leave(now, pause);
}

// The socket stays until the next connect, in a later turn: someone may be receiving from it, and its
// descriptors must leave the loop before their numbers are used again.
void BrokerLink::leave(Mono now, Duration pause) {
  state_ = State::waiting;
  ++connection_;
  blocked_ = false;  // or its end would take the time of the next connect away
  retry_at_ = now + std::max<Duration>(pause, pause_before_connect);
}

void BrokerLink::say_hello(Mono now) {
  hello_.capacity = capacity_told_ = capacity_;
  hello_.held.clear();
  events_.held_tokens(hello_.held);
  finishes_.frame();
  finishes_.add_held(hello_.held);
  state_ = State::greeting;
  hello_until_ = now + hello_timeout;
  send(now, protocol::Message(hello_));
}

bool BrokerLink::send(Mono now, Bytes frame) {
  switch (dealer_->send(frame)) {
    case transport::Sent::yes: last_sent_ = now; return true;
    case transport::Sent::full:
      blocked_ = true;
      retry_at_ = now + pause_when_full;
      return false;
    case transport::Sent::gone: disconnect(now, "the connection is gone", Duration{0}); return false;
  }
  return false;
}

bool BrokerLink::send(Mono now, const protocol::Message& message) {
  scratch_.clear();
  protocol::encode(message, scratch_);
  return send(now, Bytes(scratch_));
}

void BrokerLink::progress(protocol::Progress progress) {
  progress_[progress.token.job] = std::move(progress);
}

// The newest of a job and key takes the place of the one before.
void BrokerLink::hold(protocol::Hold hold) {
  const auto old = std::ranges::find_if(holds_, [&](const Held& held) {
    return held.message.token == hold.token && held.message.hold.key == hold.hold.key;
  });
  if (old == holds_.end()) {
    holds_.push_back({.message = std::move(hold), .before = finishes_.last_sequence() + 1});
    return;
  }
  KeyHold& known = old->message.hold;
  if (hold.hold.interval_ms) known.interval_ms = hold.hold.interval_ms;
  if (hold.hold.until_ms) known.until_ms = hold.hold.until_ms;
  old->before = finishes_.last_sequence() + 1;
  old->sent = false;
}

void BrokerLink::send_finishes(Mono now) {
  while (const Buffer* frame = state_ == State::in_session ? finishes_.next() : nullptr) {
    if (!send(now, Bytes(*frame))) return;
    finishes_.sent();
  }
}

void BrokerLink::send_holds(Mono now) {
  for (Held& held : holds_) {
    if (!held.sent && !send(now, protocol::Message(held.message))) return;
    held.sent = true;
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

// Before the finishes, so that whoever sees a job end has seen what it said.
void BrokerLink::send_logs(Mono now) {
  if (!logs_.pending() || (now < logs_at_ + logs_pause && finishes_.all_sent())) return;
  while (logs_.pending() && send(now, protocol::Message(logs_.next()))) logs_.sent();
  logs_at_ = now;
}

void BrokerLink::flush(Mono now) {
  finishes_.frame();
  if (state_ != State::in_session || blocked_) return;
  send_holds(now);
  if (state_ == State::in_session && !blocked_) send_logs(now);
  if (state_ == State::in_session && !blocked_) send_finishes(now);
  if (state_ == State::in_session && !blocked_) send_capacity(now);
  if (state_ == State::in_session && !blocked_) send_progress(now);
}

std::uint64_t BrokerLink::request(Mono now, const std::string& verb, Bytes arguments) {
  if (state_ != State::in_session || blocked_) return 0;
  protocol::Request request;
  request.sequence = finishes_.new_sequence();
  request.verb = verb;
  request.arguments = arguments;
  return send(now, protocol::Message(request)) ? request.sequence : 0;
}

// Also of a session whose welcome is still under way: the broker has it already, and would wait for a lease.
void BrokerLink::goodbye(Mono now, const std::string& reason) {
  if (state_ == State::greeting || state_ == State::in_session)
    send(now, protocol::Message(protocol::Goodbye{reason}));
  state_ = State::closed;
}

bool BrokerLink::process(Mono now, std::size_t most) {
  if (!dealer_ || state_ == State::closed || state_ == State::waiting) return false;
  take_connection_changes(now);
  for (std::size_t i = 0; i < most; ++i) {
    if (state_ == State::waiting) return false;
    auto frame = std::make_shared<Buffer>();
    if (!dealer_->receive(*frame)) return false;
    last_heard_ = now;
    handle(now, frame);
  }
  return true;
}

void BrokerLink::take_connection_changes(Mono now) {
  std::vector<int> changes;
  dealer_->changes(changes);
  if (!changes.empty()) ++connection_;  // other descriptors
  for (const int change : changes) {
    if (change > 0 && state_ == State::connecting) say_hello(now);
    if (change < 0 && (state_ == State::greeting || state_ == State::in_session)) {
      return disconnect(now, "the connection was lost", Duration{0});
    }
  }
}

void BrokerLink::handle(Mono now, const std::shared_ptr<Buffer>& frame) {
  const auto type = protocol::type_of(*frame);
  if (type && *type == protocol::Type::dispatch) {
    protocol::Dispatch dispatch;
    const auto done = protocol::decode_dispatch(*frame, dispatch);
    if (done) return events_.dispatched(frame, dispatch);
    spdlog::error("dispatch from the broker: {}", done.error().message);
    return disconnect(now, done.error().message, std::chrono::seconds(2));
  }
  const auto message = protocol::decode(*frame);
  if (!message) {
    spdlog::error("frame from the broker: {}", message.error().message);
    return disconnect(now, message.error().message, std::chrono::seconds(2));
  }
  if (const auto* welcome = std::get_if<protocol::Welcome>(&*message)) return handle_welcome(now, *welcome);
  if (const auto* error = std::get_if<protocol::ErrorMessage>(&*message)) return handle_error(now, *error);
  if (const auto* acked = std::get_if<protocol::Acked>(&*message)) return handle_acked(*acked);
  if (const auto* revoke = std::get_if<protocol::Revoke>(&*message)) return events_.revoked(*revoke);
  if (const auto* follow = std::get_if<protocol::Follow>(&*message)) logs_.follow(*follow);
  if (const auto* reply = std::get_if<protocol::Reply>(&*message))
    events_.replied(reply->sequence, reply->result);
  if (const auto* bye = std::get_if<protocol::Goodbye>(&*message))
    disconnect(now, bye->reason, pause_after_error);
}

void BrokerLink::handle_welcome(Mono now, const protocol::Welcome& welcome) {
  if (welcome.version != protocol::version) {
    return disconnect(now, "it speaks protocol version " + std::to_string(welcome.version),
                      std::chrono::seconds(2));
  }
  state_ = State::in_session;
  told_lost_ = false;
  hello_until_ = never_mono;
  heartbeat_ = std::chrono::milliseconds(welcome.heartbeat_ms);
  lease_ = std::chrono::milliseconds(welcome.lease_ms);
  finishes_.begin_again();
  for (Held& held : holds_) held.sent = false;
  spdlog::info("{} session with the broker at {}, epoch {}", welcome.resumed ? "resumed the" : "new",
               endpoint_, welcome.epoch);
  events_.welcomed(welcome);
  flush(now);
}

void BrokerLink::handle_error(Mono now, const protocol::ErrorMessage& message) {
  if (state_ == State::greeting || message.error.code == Code::no_session) {
    return disconnect(now, message.error.message, pause_after_error);
  }
  if (finishes_.forget(message.sequence)) {  // the next hello does not hold its jobs, so that they run again
    spdlog::error("the broker refused a finish: {}: {}; its jobs are left to it", word(message.error.code),
                  message.error.message);
    return disconnect(now, message.error.message, pause_after_error);
  }
  if (message.sequence == 0) {
    spdlog::error("the broker: {}: {}", word(message.error.code), message.error.message);
  } else {
    events_.replied(message.sequence, std::unexpected(message.error));
  }
}

void BrokerLink::handle_acked(const protocol::Acked& acked) {
  finishes_.acked(acked.sequence);
  std::erase_if(holds_, [&](const Held& held) { return held.sent && held.before <= acked.sequence; });
  for (const Token& token : acked.refused) {
    spdlog::debug("job {} attempt {}: its end was refused, it runs elsewhere or has ended", token.job,
                  token.attempt);
  }
}

void BrokerLink::tick(Mono now) {
  if (blocked_ && now >= retry_at_) {
    blocked_ = false;
    retry_at_ = never_mono;
  }
  if (state_ == State::waiting && now >= retry_at_) return connect(now);
  if (state_ == State::connecting && now >= hello_until_) {
    if (!std::exchange(told_lost_, true)) spdlog::warn("no broker answers at {}; still trying", endpoint_);
    hello_until_ = never_mono;
  }
  if (state_ == State::greeting && now >= hello_until_) {
    return disconnect(now, "no welcome came", Duration{0});
  }
  if (state_ != State::in_session) return;
  if (now >= last_heard_ + lease_) return disconnect(now, "nothing was heard for its lease", Duration{0});
  if (now >= last_sent_ + heartbeat_ && !blocked_) send(now, protocol::Message(protocol::Heartbeat{}));
}

Mono BrokerLink::next_deadline() const {
  Mono next = std::min(retry_at_, hello_until_);
  if (state_ != State::in_session) return state_ == State::closed ? never_mono : next;
  next = std::min({next, last_sent_ + heartbeat_, last_heard_ + lease_});
  if (!progress_.empty()) next = std::min(next, progress_at_ + progress_pause);
  if (logs_.pending()) next = std::min(next, logs_at_ + logs_pause);
  return next;
}

std::vector<int> BrokerLink::descriptors() const {
  const bool open = dealer_ && state_ != State::waiting && state_ != State::closed;
  return open ? dealer_->descriptors() : std::vector<int>{};
}

}  // namespace joinery::worker
