#include "producer/client/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "shared/protocol/codec.h"

namespace joinery::client {
namespace {

constexpr Duration greet_again_after = std::chrono::milliseconds(200);
constexpr Duration try_full_socket_after = std::chrono::milliseconds(5);

}  // namespace

Session::Session(Options options, Send send, Now now)
    : options_(std::move(options)), send_(std::move(send)), down_since_(now.mono) {}

void Session::connected(Now now) {
  connected_ = true;
  heard_at_ = now.mono;
  try_again_at_.reset();
  greet(now);
}

void Session::greet(Now now) {
  greet_at_.reset();
  if (refused_) return;
  state_ = State::greeting;
  if (on_hello) on_hello(options_.hello);
  Buffer frame;
  protocol::encode(options_.hello, frame);
  if (!send(now, frame)) greet_at_ = now.mono + try_full_socket_after;
}

void Session::lost(Now now) {
  if (state_ == State::live) down_since_ = now.mono;
  state_ = State::down;
  connected_ = false;
  greet_at_.reset();
}

bool Session::send(Now now, Bytes frame) {
  if (send_(frame) == transport::Sent::yes) {
    sent_at_ = now.mono;
    return true;
  }
  try_again_at_ = now.mono + try_full_socket_after;
  return false;
}

void Session::received(Now now, Bytes frame) {
  heard_at_ = now.mono;
  auto message = protocol::decode(frame);
  if (!message) {
    // Not a broker, or a newer one that breaks its promises: nothing that it says can be relied on.
    refused_ =
        Error{message.error().code,
              fmt::format("what {} sent is not understood: {}", options_.endpoint, message.error().message),
              message.error().field};
    return fail_all(*refused_);
  }
  if (auto* welcome = std::get_if<protocol::Welcome>(&*message)) return take(now, *welcome);
  if (auto* error = std::get_if<protocol::ErrorMessage>(&*message)) return take(now, *error);
  if (auto* outcomes = std::get_if<protocol::Outcomes>(&*message)) return on_outcomes(*outcomes);
  if (auto* accepted = std::get_if<protocol::Accepted>(&*message))
    return answer(accepted->sequence, &*message);
  if (auto* joined = std::get_if<protocol::Joined>(&*message)) return answer(joined->request, &*message);
  if (auto* reply = std::get_if<protocol::Reply>(&*message)) return answer(reply->sequence, &*message);
  if (on_message && live()) on_message(now, *message);
}

void Session::take(Now now, protocol::Welcome& welcome) {
  if (state_ != State::greeting) return;  // the answer to a hello that was sent twice
  state_ = State::live;
  heartbeat_ = std::chrono::milliseconds(welcome.heartbeat_ms);
  lease_ = std::chrono::milliseconds(welcome.lease_ms);
  if (welcomed_before_) repeated_until_ = now.mono;
  welcomed_before_ = true;
  unsent_ = 0;
  frame_max_ = welcome.frame_max;
  on_welcome(welcome);
  refuse_large();
}

Error Session::too_large(std::size_t size) const {
  return Error{Code::frame_too_large,
               fmt::format("the request has {} bytes, the broker takes {}", size, frame_max_),
               {}};
}

// Such a frame would break the connection each time it is sent.
void Session::refuse_large() {
  std::vector<std::pair<std::uint64_t, std::size_t>> large;
  for (const auto& [sequence, pending] : pending_) {
    if (pending.frame.size() > frame_max_) large.emplace_back(sequence, pending.frame.size());
  }
  for (const auto& [sequence, size] : large) {
    answer(sequence, std::unexpected(too_large(size)));
  }
}

void Session::take(Now now, protocol::ErrorMessage& message) {
  const Error& error = message.error;
  why_ = error.message;
  // The broker does not know us (it was restarted, or what we sent overtook our hello), has another
  // connection of ours that it has not missed yet, or is stopping. All of that passes: say hello again, and
  // repeat what has no answer.
  if (error.code == Code::no_session || error.code == Code::session_taken ||
      error.code == Code::shutting_down) {
    if (state_ == State::greeting && error.code == Code::no_session) return;  // our hello is on its way
    if (state_ == State::live) down_since_ = now.mono;
    state_ = State::down;
    if (!greet_at_) greet_at_ = now.mono + (error.code == Code::no_session ? Duration(0) : greet_again_after);
    return;
  }
  if (message.sequence != 0) return answer(message.sequence, std::unexpected(error));
  // Which of our frames it was is not said; a refused hello is final.
  if (state_ == State::greeting) refused_ = error;
  fail_all(error);
}

void Session::answer(std::uint64_t sequence, Result<const protocol::Message*> result) {
  auto node = pending_.extract(sequence);
  if (node.empty()) return;  // given up before
  changing_.erase(sequence);
  quiet_.erase(sequence);
  if (const auto& deadline = node.mapped().deadline) {
    const auto [first, end] = deadlines_.equal_range(*deadline);
    deadlines_.erase(std::find_if(first, end, [&](const auto& each) { return each.second == sequence; }));
  }
  node.mapped().answered(std::move(result));
}

void Session::fail_all(const Error& error) {
  while (!pending_.empty()) answer(pending_.begin()->first, std::unexpected(error));
}

bool Session::settled(std::uint64_t sequence) const {
  const auto first = std::ranges::find_if_not(changing_, [this](auto one) { return quiet_.contains(one); });
  return first == changing_.end() || *first > sequence;
}

std::uint64_t Session::ask(Now now, Kind kind, std::optional<Mono> deadline, Make make, Answered answered) {
  const std::uint64_t sequence = ++last_;
  if (refused_) {
    answered(std::unexpected(*refused_));
    return sequence;
  }
  if (kind != Kind::reading) changing_.insert(sequence);
  if (kind == Kind::changing_quietly) quiet_.insert(sequence);
  const std::uint64_t confirmed = changing_.empty() ? sequence - 1 : *changing_.begin() - 1;
  Pending& pending = pending_[sequence];
  protocol::encode(make(sequence, confirmed), pending.frame);
  pending.created = now.mono;
  pending.deadline = deadline;
  pending.answered = std::move(answered);
  if (deadline) deadlines_.emplace(*deadline, sequence);
  if (pending.frame.size() > frame_max_) answer(sequence, std::unexpected(too_large(pending.frame.size())));
  return sequence;
}

bool Session::tell(Now now, const protocol::Message& message) {
  if (!live()) return false;
  Buffer frame;
  protocol::encode(message, frame);
  return send(now, frame);
}

bool Session::tell_frame(Now now, Bytes frame) { return live() && send(now, frame); }

bool Session::tick(Now now) {
  if (connected_ && greet_at_ && now.mono >= *greet_at_) greet(now);
  expire(now);
  if (connected_ && !refused_ && now.mono - heard_at_ >= lease_) {
    why_ = "the broker is silent";
    lost(now);
    return true;
  }
  if (!live() || (try_again_at_ && now.mono < *try_again_at_)) return false;
  try_again_at_.reset();
  send_pending(now);
  if (now.mono - sent_at_ >= heartbeat_) tell(now, protocol::Heartbeat{});
  return false;
}

void Session::send_pending(Now now) {
  for (auto next = pending_.lower_bound(unsent_); next != pending_.end(); ++next) {
    if (!send(now, next->second.frame)) return;
    unsent_ = next->first + 1;
  }
}

void Session::expire(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    const std::uint64_t sequence = deadlines_.begin()->second;
    answer(sequence, live() ? fail(Code::timed_out, "the broker did not answer in time")
                            : std::unexpected(unreachable()));
  }
  while (!pending_.empty() && given_up(now, pending_.begin()->second.created)) {
    answer(pending_.begin()->first, std::unexpected(unreachable()));
  }
}

Mono Session::give_up_at(Mono since) const {
  if (live() || !options_.timeout) return never_mono;
  return std::max(since, down_since_) + *options_.timeout;
}

bool Session::given_up(Now now, Mono since) const { return now.mono >= give_up_at(since); }

Error Session::unreachable() const {
  return Error{Code::broker_unreachable,
               fmt::format("no broker answers at {}{}{}", options_.endpoint, why_.empty() ? "" : ": ", why_),
               {}};
}

Mono Session::next_deadline() const {
  Mono next = never_mono;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!pending_.empty()) next = std::min(next, give_up_at(pending_.begin()->second.created));
  if (!connected_ || refused_) return next;
  next = std::min(next, heard_at_ + lease_);
  if (greet_at_) next = std::min(next, *greet_at_);
  if (!live()) return next;
  return std::min(next, try_again_at_ ? *try_again_at_ : sent_at_ + heartbeat_);
}

}  // namespace joinery::client
