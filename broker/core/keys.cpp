// Which job of a line is next, and the lanes that jobs with keys are kept in.
#include "broker/core/keys.h"

#include <algorithm>

#include "shared/base/check.h"

namespace joinery::broker {
namespace {

std::uint64_t rank_of(const Job& job) { return std::uint64_t{job.order_or_holder} << 32U; }

}  // namespace

// --- what is next ---

void Keys::next(Now now, std::uint32_t number, Next& next) {
  next.slot = no_slot;
  next.grip.count = 0;
  const bool fair = ledger_.queues[ledger_.lines[number].queue].options.fair;
  while (true) {
    const Slot head = ledger_.lines[number].head;
    if (fair && head != no_slot) {
      const Job& job = ledger_.jobs[head];
      into_lane(head, job.extra == no_slot ? 0 : ledger_.extras[job.extra].key);
      continue;
    }
    const std::uint32_t lane = top_lane(number);
    if (lane == 0 && head == no_slot) return;
    const Slot first = lane == 0 ? head : ledger_.lines[lane].head;
    const bool from_lane = lane != 0 && (head == no_slot || ranks_before(rank_of(ledger_.jobs[first]),
                                                                         rank_of(ledger_.jobs[head])));
    const Slot slot = from_lane ? first : head;
    const Job& job = ledger_.jobs[slot];
    next.rank = fair ? ledger_.lines[lane].rank : rank_of(job);
    if (!concerns(job)) {
      next.slot = slot;
      return;
    }
    const std::uint32_t key = ledger_.extras[job.extra].key;
    if (!from_lane && ledger_.find_lane(number, key) != 0) {
      into_lane(slot, key);
      continue;
    }
    collect(now, job, next.grip);
    const GateId shut = shut_gate(now, job, next.grip);
    if (shut == no_gate) {
      next.slot = slot;
      return;
    }
    loosen(next.grip);
    next.grip.count = 0;
    std::uint32_t waits = lane;
    if (from_lane) {
      drop_offer(number);
      ledger_.set_open(lane, false);
    } else {
      waits = ledger_.move_to_lane(slot, key);
    }
    wait_at(now, shut, waits);
  }
}

void Keys::take(Now now, const Next& next) {
  const Job& job = ledger_.jobs[next.slot];
  if (ledger_.lines[job.line].base != job.line) {
    const QueueState& queue = ledger_.queue_of(job);
    if (queue.options.fair) {
      std::uint64_t& time = fair_[queue.id].now;
      if (ranks_before(time, next.rank)) time = next.rank;
    }
  }
  const Grip& grip = next.grip;
  if (grip.count == 0) return;
  Extra& extra = ledger_.extras[job.extra];
  const std::uint32_t kept = extra.grip;
  for (std::uint32_t i = kept != 0 ? 1 : 0; i < grip.count; ++i) count(now, gates_[grip.gates[i]]);
  if (kept != 0) give_back(kept);
  extra.grip = keep(grip);
}

LaneRef Keys::lane_of(Slot slot) const {
  const std::uint32_t line = ledger_.jobs[slot].line;
  if (ledger_.lines[line].base == line) return {};
  return {line, ledger_.lines[line].serial};
}

void Keys::took(LaneRef ref) {
  if (ref.lane == 0) return;
  Line& lane = ledger_.lines[ref.lane];
  if (lane.serial != ref.serial) return;
  if (lane.woken != 0) ledger_.lost_wakes.push_back(std::exchange(lane.woken, 0U) - 1);
  if (!ledger_.queues[lane.queue].options.fair) return;  // top_lane sees that it has another head
  lane.rank = turn_of(lane);
  offer(ref.lane);
}

// --- lanes ---

void Keys::into_lane(Slot slot, std::uint32_t key) {
  const std::uint32_t line = ledger_.jobs[slot].line;
  const bool fresh = ledger_.find_lane(line, key) == 0;
  const std::uint32_t lane = ledger_.move_to_lane(slot, key);
  if (fresh) {
    ledger_.lines[lane].rank = turn_of(ledger_.lines[lane]);
    open(lane);
  } else if (ledger_.lines[lane].head == slot) {
    open(lane);  // it may be one that needn't wait for what the others wait for
  }
}

void Keys::open(std::uint32_t number) {
  Line& lane = ledger_.lines[number];
  ledger_.set_open(number, true);
  if (ledger_.queues[lane.queue].options.fair) {
    const std::uint64_t now = fair_[lane.queue].now;
    if (ranks_before(lane.rank, now)) lane.rank = now;
  }
  offer(number);
}

void Keys::offer(std::uint32_t number) {
  const Line& lane = ledger_.lines[number];
  if (!ledger_.queues[lane.queue].options.fair) ledger_.lines[number].rank = rank_of(ledger_.jobs[lane.head]);
  std::vector<Offer>& offers = offers_[lane.base];
  offers.push_back({lane.rank, ++next_offer_, {number, lane.serial}});
  std::ranges::push_heap(offers, later);
}

void Keys::drop_offer(std::uint32_t line) {
  const auto found = offers_.find(line);
  std::ranges::pop_heap(found->second, later);
  found->second.pop_back();
  if (found->second.empty()) offers_.erase(found);
}

// The open lane whose head is first; 0: none.
std::uint32_t Keys::top_lane(std::uint32_t line) {
  if (offers_.empty()) return 0;
  for (auto found = offers_.find(line); found != offers_.end(); found = offers_.find(line)) {
    const Offer top = found->second.front();
    const Line& lane = ledger_.lines[top.lane.lane];
    const bool valid = lane.serial == top.lane.serial && lane.open != 0;
    const bool fair = ledger_.queues[lane.queue].options.fair;
    const std::uint64_t rank = fair || !valid ? lane.rank : rank_of(ledger_.jobs[lane.head]);
    if (valid && rank == top.rank) return top.lane.lane;
    drop_offer(line);
    if (valid && !fair) offer(top.lane.lane);  // it has another head
  }
  return 0;
}

void Keys::wait_at(Now now, GateId id, std::uint32_t number) {
  Line& lane = ledger_.lines[number];
  const std::uint32_t woken = std::exchange(lane.woken, 0U);
  if (woken != 0 && woken - 1 != id) ledger_.lost_wakes.push_back(woken - 1);
  std::vector<WaitingLanes>& waiting = need_rest(gates_[id]).waiting;
  const auto known = std::ranges::find(waiting, lane.base, &WaitingLanes::line);
  WaitingLanes& lanes = known != waiting.end() ? *known : waiting.emplace_back(lane.base);
  lanes.push({number, lane.serial});
  tidy(now, id);
}

bool Keys::pass_on(Now now) {
  const bool any = owes_wakes();
  while (!ledger_.lost_wakes.empty()) {
    const GateId id = ledger_.lost_wakes.back();
    ledger_.lost_wakes.pop_back();
    if (gates_[id].name == 0) continue;
    let_in(now, id);
    loose_.push_back(id);
  }
  return any;
}

// --- what happened ---

void Keys::settle(Now now, Fallout& fallout) {
  for (const Fallout::Grip& ended : std::exchange(fallout.grips, {})) {
    if (ended.kept != 0) keep_order(ended);
    release(now, ended);
  }
  for (const std::string& node : std::exchange(fallout.nodes, {})) hold(now, node);
  if (std::exchange(fallout.limits, false)) rules_changed(now);
  pass_on(now);
  tidy_loose(now);
  sweep_gates(now);
}

std::size_t Keys::memory_bytes() const {
  return gates_.memory_bytes() + rests_.memory_bytes() + orders_.memory_bytes() +
         grips_.capacity() * sizeof(Grip) + timers_.memory_bytes();
}

}  // namespace joinery::broker
