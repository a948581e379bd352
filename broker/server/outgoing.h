// Effects to frames: each is sent as soon as it is as durable as it must be, and waits in one line until
// then.
//
// An answer is built at once and waits as a frame. A dispatch is built when it is sent, so that a backlog of
// deliveries holds places, not payloads; each payload is copied once, from the journal into the frame.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/core.h"
#include "broker/journal/journal.h"
#include "broker/server/follow.h"
#include "broker/server/sessions.h"
#include "broker/server/specs.h"
#include "shared/protocol/codec.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

// The result of a changing verb that is Done with `number`.
using DoneAnswer = std::function<protocol::Value(std::uint64_t number)>;

class Outgoing {
 public:
  // A delivery whose payload could not be read back.
  struct Missing {
    SessionId worker;
    Token token;
    Error error;
  };

  Outgoing(Core& core, Journal& journal, Sessions& sessions, SpecBook& specs, FollowBook& follows,
           protocol::Welcome welcome);

  // What a command brought along that the core does not see.
  struct Aside {
    const DoneAnswer* done = nullptr;                      // how its Done is answered, if it is a verb
    std::span<const protocol::InlineResult> results = {};  // to go with its outcomes
  };
  // The effects of one command, whose record ends at `end`.
  void take(std::vector<Effect>& effects, Position end, const Aside& aside);
  // Sends what is durable by now.
  void deliver(Position durable);
  // Whether something waits for a sync.
  bool waiting() const { return !line_.empty(); }
  void set_now(Wall now) { now_ = now; }
  // Takes what the last calls could not deliver.
  void take_missing(std::vector<Missing>& missing);

  void set_redis_url(std::string url) { welcome_.redis_url = std::move(url); }
  const protocol::Welcome& welcome() const { return welcome_; }

 private:
  struct Waiting {
    Position needs = 0;
    SessionId session;
    std::uint32_t generation = 0;
    std::variant<Buffer, std::vector<effect::Delivery>> what;
  };
  using Deliveries = std::span<const effect::Delivery>;

  void take_one(effect::Welcome& effect, Position end);
  void take_one(effect::Accepted& effect, Position end);
  void take_one(effect::Done& effect, Position end);
  void take_one(effect::Refused& effect, Position end);
  void take_one(effect::Dispatch& effect, Position end);
  void take_one(effect::Acked& effect, Position end);
  void take_one(effect::Revoke& effect, Position end);
  void take_one(effect::Joined& effect, Position end);
  void take_one(effect::Outcomes& effect, Position end);
  void take_one(effect::Gone& effect, Position end);

  void answer(SessionId to, const protocol::Message& message, Position needs);
  void dispatch(Session& worker, Deliveries deliveries);
  std::size_t chunk(Deliveries deliveries);
  bool write(Session& worker, Deliveries deliveries);
  void tell_followers(Session& worker, Deliveries deliveries);
  std::size_t group_length(Deliveries deliveries, std::size_t first) const;
  Bytes queue_name(std::uint32_t id);
  void sort_results();
  std::optional<Bytes> result_of(const effect::JobOutcome& job) const;

  Core& core_;
  Journal& journal_;
  Sessions& sessions_;
  SpecBook& specs_;
  FollowBook& follows_;
  Wall now_{};
  protocol::Welcome welcome_;
  Position durable_ = 0;
  Aside aside_;  // of the command in hand
  std::vector<protocol::InlineResult> sorted_;
  std::deque<Waiting> line_;  // by what they need
  std::vector<Missing> missing_;
  std::vector<std::string> queue_names_;  // by id
  Buffer frame_;
};

}  // namespace joinery::broker::server
