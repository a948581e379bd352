// What the core wants done outside. The server performs effects in order, each when it is as durable as it
// must be.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/change.h"
#include "broker/core/command.h"

namespace joinery::broker::effect {

// Every answer and event has the session that it goes to. `durable`: only when all changes up to those of its
// command are synced.

struct Welcome {
  SessionId session;
  bool resumed = false;
  std::uint64_t last_sequence = 0;
};
struct Accepted {
  SessionId session;
  std::uint64_t sequence = 0;
  std::vector<GroupAnswer> groups;
  bool durable = true;
  BatchId batch = 0;  // of a flow
};
struct Done {
  SessionId session;
  std::uint64_t sequence = 0;
  std::uint64_t number = 0;
  bool durable = true;
};
struct Refused {
  SessionId session;
  std::uint64_t request = 0;
  Error error;
};

// Deliveries to a worker. `durable` has no meaning here: the server sends each once the put of its job is as
// durable as its queue wants, which it sees from the place.
struct Delivery {
  Token token;
  SpecId spec = 0;
  std::uint32_t queue = 0;
  BatchId batch = 0;
  JobId parent = 0;
  Durability level = Durability::sync;
  Place place;
};
struct Dispatch {
  SessionId session;
  std::vector<Delivery> deliveries;
};

// A worker's finishes up to `sequence` hold; `refused` were stale.
struct Acked {
  SessionId session;
  std::uint64_t sequence = 0;
  std::vector<Token> refused;
  bool durable = true;
};
// Stop these: the job was cancelled (kill it after the grace period) or runs elsewhere (kill it now).
struct Revoke {
  SessionId session;
  std::vector<Token> tokens;
  Code reason = Code::cancelled;
  std::optional<Duration> grace{};  // none: told again, the period that was told goes on
};

struct Joined {
  SessionId session;
  std::uint64_t request = 0;
  Counts counts;
  bool durable = true;
};
// For watchers. Code::ok for succeeded; with the failure's type and message for the others.
struct JobOutcome {
  JobId job = 0;
  Outcome outcome = Outcome::succeeded;
  Token token;
  Failure failure;
  bool known = true;
};
struct Outcomes {
  SessionId session;
  std::vector<JobOutcome> jobs;
  bool durable = true;
};

// The session is gone for good; its address can be forgotten.
struct Gone {
  SessionId session;
};

}  // namespace joinery::broker::effect

namespace joinery::broker {

using Effect =
    std::variant<effect::Welcome, effect::Accepted, effect::Done, effect::Refused, effect::Dispatch,
                 effect::Acked, effect::Revoke, effect::Joined, effect::Outcomes, effect::Gone>;

// Filled by Core::apply and Core::tick; the caller empties it (clear keeps the memory).
struct Effects {
  std::vector<Change> changes;  // one journal record
  std::vector<Effect> effects;
  std::vector<Place> released;  // payloads that are not needed any more
  void clear() {
    changes.clear();
    effects.clear();
    released.clear();
  }
};

}  // namespace joinery::broker
