// What the broker is told and what it says: hello, deliveries, and whether a burst is done.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "shared/protocol/value.h"
#include "worker/supervisor/loop.h"

namespace joinery::worker {

// Says hello when each pool has shown what it can do, and again when that has changed.
void Loop::announce() {
  if (!std::exchange(announce_, false) || stopping_) return;
  if (!plan_.settled()) return;
  if (plan_.hopeless()) {
    spdlog::error("no pool process could be started; giving up");
    failed_ = true;
    plan_.abandon(now_.mono);
    return perform();
  }
  auto handlers = plan_.handlers();
  if (handlers == announced_) return;
  announced_ = handlers;
  link_.set_capacity(plan_.capacity());
  link_.open(now_.mono, std::move(handlers));
}

void Loop::burst() {
  const bool busy = stopping_ || !link_.in_session() || plan_.held() > 0 || inputs_.waiting() > 0 ||
                    writer_.waiting() > 0 || !link_.settled();
  if (busy) asked_.clear();
  switch (burst_.turn(now_.mono, busy)) {
    case Burst::Next::wait: return;
    case Burst::Next::ask:
      ready_jobs_ = 0;
      for (const auto& queue : options_.queues) {
        protocol::Value arguments = protocol::Value::map();
        arguments.set("queue", queue);
        const auto sequence = link_.request(now_.mono, "queue.show", protocol::encode(arguments));
        if (sequence != 0) asked_[sequence] = queue;
      }
      if (asked_.size() < options_.queues.size()) burst_.answered(1);  // not now: ask again
      return;
    case Burst::Next::done:
      spdlog::info("nothing is left to do");
      stopping_ = true;
      plan_.drain(now_.mono);
      return perform();
  }
}

void Loop::replied(std::uint64_t sequence, const Result<Bytes>& result) {
  if (asked_.erase(sequence) == 0) return;
  if (result) {
    const auto queue = protocol::decode_map(*result);
    const auto* counts = queue ? queue->find("counts") : nullptr;
    ready_jobs_ +=
        counts && counts->kind() == protocol::Value::Kind::map ? counts->u64_or("ready", 0).value_or(0) : 0;
  }
  if (asked_.empty()) burst_.answered(ready_jobs_);
}

void Loop::welcomed(const protocol::Welcome& welcome) {
  payload_max_ = welcome.payload_max;
  frame_max_ = welcome.frame_max;
  writer_.use(welcome.redis_url, welcome.broker);
  pool::Shared shared{welcome.redis_url, to_hex(welcome.broker)};
  if (shared != shared_) {
    shared_ = std::move(shared);
    for (auto& [id, entry] : processes_) entry.told_shared = false;
  }
  say_ready();
}

void Loop::say_ready() {
  if (!ready_) return;
  const std::string line = name_ + "\n";
  if (::write(ready_.get(), line.data(), line.size()) < 0)
    spdlog::warn("ready-fd: {}", std::generic_category().message(errno));
  ready_.reset();
}

void Loop::dispatched(const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  protocol::Dispatch rest;
  hand_on(frame, !stopping_ && inputs_.take(frame, dispatch, rest) ? rest : dispatch);
}

void Loop::hand_on(const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  if (auto done = plan_.dispatch(now_.mono, frame, dispatch); !done) {
    spdlog::error("dispatch: {}: {}", done.error().field, done.error().message);
  }
  perform();
}

void Loop::revoked(const protocol::Revoke& revoke) {
  inputs_.revoke(revoke);
  plan_.revoke(now_.mono, revoke);
  perform();
}

void Loop::held_tokens(std::vector<Token>& out) {
  plan_.held_tokens(out);
  inputs_.held_tokens(out);
  writer_.held_tokens(out);
}

}  // namespace joinery::worker
