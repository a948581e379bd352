// What keys do to the order of deliveries: limits, ordering, and fairness between keys.
//
// A gate counts what runs of one node of keys under a limit; it is there only while something runs or waits
// under it, or its times are not over. A job that has come to the head of its line and finds a gate shut goes
// into the lane of its key (Ledger's lanes), which waits at that gate; when the gate opens, it lets in as
// many lanes of every line as there is room for. So a shut gate costs each job behind it once, and nothing
// more until its turn comes.
//
// None of this is durable. After a restart the counts follow from the running jobs, and times begin as if
// every limit had just been used up.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/by_name.h"
#include "broker/core/core.h"
#include "broker/core/gates.h"
#include "broker/core/ledger.h"
#include "broker/core/name_index.h"
#include "broker/core/timers.h"

namespace joinery::broker {

// A held node (HoldKey) that nobody asked for again for so long is forgotten.
constexpr Duration held_node_kept{86'400'000'000};

class Keys {
 public:
  explicit Keys(Ledger& ledger) : ledger_(ledger) {}

  static constexpr std::size_t gates_max = 2 * limits::key_levels_max;
  // The gates of a job.
  struct Grip {
    std::array<GateId, gates_max> gates{};
    std::uint32_t count = 0;
    bool ordered = false;  // gates[0] is that of the ordering key
  };

  // What comes next in a line: the job, and its rank among the heads of the other lines of its queue (compare
  // with ranks_before). Moves jobs that may not start into lanes, and those of fair queues.
  struct Next {
    Slot slot = no_slot;  // none
    std::uint64_t rank = 0;
    Grip grip;
  };
  void next(Now now, std::uint32_t line, Next& next);
  // Lanes that were let in and took nothing, or not all, make room for the next ones, which may be of any
  // line: pass_on lets those in (false: there are none).
  bool owes_wakes() const { return !ledger_.lost_wakes.empty(); }
  bool pass_on(Now now);
  // It starts: takes what it needs of its limits, before the ledger starts it.
  void take(Now now, const Next& next);
  // It does not start.
  void leave(const Next& next) { loosen(next.grip); }
  // When it is over with the answers of next(): gates that are as good as none are forgotten.
  void tidy_loose(Now now);
  // After many of them: the same for gates that only waited for their times to be over.
  void sweep_gates(Now now);
  // After that: the lane that it was in offers its next job.
  void took(LaneRef lane);
  LaneRef lane_of(Slot slot) const;
  // Whether next() must be asked for this head of a line that has no lanes.
  bool concerns(const Job& job) const {
    if (job.extra == no_slot || ledger_.extras[job.extra].key == 0) return false;
    return any_ || ledger_.specs[job.spec].spec.ordered;
  }
  static bool ranks_before(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b) < 0; }

  // What evolving brought about.
  void settle(Now now, Fallout& fallout);
  // Whether lanes were let in.
  bool fire(Now now);
  Mono next_deadline() const { return timers_.next(); }

  void fair_changed(std::uint32_t queue);
  void declare(Now now, std::vector<Limit> limits);
  void start(Now now, bool recovered);
  std::vector<LimitView> limits() const;
  const Limit* declared(const std::string& pattern) const;
  std::optional<KeyWait> wait_of(Now now, const Job& job);
  std::size_t memory_bytes() const;

 private:
  // gates.cpp
  GateId gate_of(Now now, std::uint32_t name, const Limit* limit);
  GateId find_gate(Now now, std::string_view node);
  GateId find_gate(Now now, std::uint32_t name, std::string_view node);
  bool is_held(std::string_view node) const;
  GateId ordered_gate(const Job& job);
  GateId new_gate(std::uint32_t name);
  void forget(GateId id);
  const Limit* limit_of(const Gate& gate) const {
    return gate.ordered != 0 || gate.of == 0 ? nullptr : &rules_[gate.of - 1];
  }
  std::uint32_t number_of(const Limit* limit) const {
    return limit == nullptr ? 0 : static_cast<std::uint32_t>(limit - rules_.data() + 1) & 0x7fff'ffffU;
  }
  GateRest* rest_of(const Gate& gate) { return gate.rest == no_slot ? nullptr : &rests_[gate.rest]; }
  const GateRest* rest_of(const Gate& gate) const {
    return gate.rest == no_slot ? nullptr : &rests_[gate.rest];
  }
  GateRest& need_rest(Gate& gate);
  std::uint32_t most(const Gate& gate) const;
  bool is_full(const Gate& gate) const { return most(gate) != 0 && gate.running >= most(gate); }
  Duration interval(const Gate& gate) const;
  Duration step(const Gate& gate) const;
  Mono opens_at(const Gate& gate) const;
  Mono over_at(const Gate& gate) const;
  bool is_open(Now now, const Gate& gate) const { return opens_at(gate) <= now.mono && !is_full(gate); }
  std::uint32_t room(Now now, const Gate& gate) const;
  void count(Now now, Gate& gate);
  void release(Now now, const Fallout::Grip& ended);
  void let_in(Now now, GateId id);
  void let_in(GateId id, WaitingLanes& lanes, std::uint32_t most);
  void tidy(Now now, GateId id);  // forgets it, or sets its timer
  void hold(Now now, const std::string& node);

  // grips.cpp
  void collect(Now now, const Job& job, Grip& grip);
  GateId shut_gate(Now now, const Job& job, const Grip& grip) const;
  void loosen(const Grip& grip);
  std::uint32_t keep(const Grip& grip);
  Grip give_back(std::uint32_t kept);
  void keep_order(const Fallout::Grip& ended);
  void count_running(Now now, const Job& job, bool again);

  // rules.cpp
  const Limit* resolve(std::string_view node) const;
  void rules_changed(Now now);
  void sort_rules();
  void apply_rule(Now now, Gate& gate);

  // keys.cpp
  void wait_at(Now now, GateId id, std::uint32_t lane);
  void open(std::uint32_t lane);
  void offer(std::uint32_t lane);
  std::uint32_t top_lane(std::uint32_t line);
  void drop_offer(std::uint32_t line);
  void into_lane(Slot slot, std::uint32_t key);

  // fairness.cpp
  std::uint64_t turn_of(const Line& lane);

  struct Offer {
    std::uint64_t rank = 0;
    std::uint64_t number = 0;  // the earlier first
    LaneRef lane;
  };
  static bool later(const Offer& a, const Offer& b) {
    return a.rank == b.rank ? a.number > b.number : ranks_before(b.rank, a.rank);
  }
  // Fair queues: start-time fair queueing. Each job gets a turn, a weight's share after the one before of its
  // flow; the least is served first. A flow that is not there has the turn of now.
  struct Flow {
    std::uint64_t last = 0;
    std::uint32_t weight = 1;
  };
  struct Fair {
    std::uint64_t now = 0;
    ByName<Flow> flows;
    std::size_t swept = 0;
  };
  void sweep(Fair& fair);

  Ledger& ledger_;
  std::vector<Limit> declared_;
  std::vector<Limit> rules_;  // in force
  ByName<const Limit*> exact_;
  std::vector<const Limit*> patterns_;  // the most particular first
  bool any_ = false;
  std::size_t nodes_swept_ = 0;

  // The gate of a node is noted at its name (Ledger::keys), plus one; those of orders are in an index.
  Slab<Gate> gates_;
  Slab<GateRest> rests_;
  NameIndex orders_;
  std::size_t fresh_gates_ = 0;  // since the last sweep
  GateId swept_ = 0;
  // What Extra::grip says: that it is one gate, or the place of several here.
  static constexpr std::uint32_t one_gate = 0x8000'0000;
  std::vector<Grip> grips_{1};
  std::vector<std::uint32_t> free_grips_;
  std::vector<GateId> loose_;  // looked at, and perhaps as good as none
  Timers<GateTimer> timers_;
  Mono used_up_until_{};  // after a recovery: when times are counted from
  bool recovered_ = false;

  std::unordered_map<std::uint32_t, std::vector<Offer>> offers_;  // by line
  std::uint64_t next_offer_ = 0;
  std::unordered_map<std::uint32_t, Fair> fair_;  // by queue
};

}  // namespace joinery::broker
