// What a consumer asks the broker: whether there is something, and how much.
#include "producer/client/consumer.h"
#include "shared/protocol/codec.h"
#include "shared/protocol/value.h"

namespace joinery::client {
namespace {

using namespace std::chrono_literals;

constexpr Duration ask_again_after = 1ms;
constexpr int questions_max = 100;

struct Told {
  std::uint64_t ready = 0;
  std::uint64_t waiting = 0;  // these, and those that will be ready
  bool paused = false;
};

// Of an answer to queue.show.
Result<Told> counts_of(const Result<const protocol::Message*>& answer) {
  if (!answer) return std::unexpected(answer.error());
  const auto* reply = std::get_if<protocol::Reply>(*answer);
  const auto queue =
      reply != nullptr ? protocol::decode_map(reply->result) : fail(Code::internal, "no reply to queue.show");
  if (!queue) return std::unexpected(queue.error());
  const auto* counts = queue->find("counts");
  if (counts == nullptr) return fail(Code::internal, "no counts in queue.show");
  Told told{.paused = queue->boolean("paused").value_or(false)};
  for (const char* name : {"scheduled", "blocked", "ready"}) {
    const auto number = counts->u64(name);
    if (!number) return std::unexpected(number.error());
    told.ready = *number;  // at last
    told.waiting += *number;
  }
  return told;
}

}  // namespace

// For those who do not want to wait: is there anything? One question at a time, until what they asked for has
// come or the broker has nothing for them. It is sent after all that was given back before.
void Consumer::probe(Now now) {
  if (probing_ || now.mono < probe_at_ || sent_ < unacked_.size()) return;
  probe_at_ = {};
  {
    const std::lock_guard lock(mutex_);
    for (Waiter* waiter : waiters_) {
      if (!waiter->probe || waiter->answered || waiter->error) continue;
      waiter->asked = probing_ = true;
      ++waiter->questions;
    }
  }
  if (!probing_) return;
  const Buffer arguments = protocol::encode(protocol::Value::map().set("queue", options_.queue));
  session_.ask(
      now, Session::Kind::reading, std::nullopt,
      [&](std::uint64_t sequence, std::uint64_t confirmed) -> protocol::Message {
        return protocol::Request{sequence, confirmed, "queue.show", arguments};
      },
      [this](const Result<const protocol::Message*>& answer) { answer_probe(answer); });
}

// What is ready is on its way, to us or to another consumer; unless nobody here may have it, so that the
// questions are limited.
void Consumer::answer_probe(const Result<const protocol::Message*>& answer) {
  probing_ = false;
  bool nothing = false;
  std::uint64_t waiting = 0;
  std::optional<Error> error;
  if (const auto told = counts_of(answer)) {
    nothing = told->ready == 0 || told->paused;
    waiting = told->waiting;
  } else {
    error = told.error();
  }
  const std::lock_guard lock(mutex_);
  // What the broker had sent by then is here, or was taken since, or is on its way back.
  waiting += buffer_.size() + (given_back_ - given_back_before_);
  for (Waiter* waiter : waiters_) {
    if (!waiter->asked) continue;
    waiter->count = waiting;
    if (error && !waiter->leaving) waiter->error = error;
    waiter->answered =
        nothing || error || waiter->leaving || waiter->counts || waiter->questions >= questions_max;
    if (!waiter->answered) probe_at_ = read_clocks().mono + ask_again_after;
  }
  changed_.notify_all();
}

}  // namespace joinery::client
