// Gates: when the next job of a node may start.
#include <fmt/format.h>

#include <algorithm>

#include "broker/core/keys.h"
#include "shared/base/check.h"

namespace joinery::broker {
namespace {

Duration ms(std::uint64_t value) { return Duration(static_cast<std::int64_t>(value) * 1000); }

}  // namespace

// An exact name goes before patterns, and of those the one with the most text.
const Limit* Keys::resolve(std::string_view node) const {
  if (const auto exact = exact_.find(node); exact != exact_.end()) return exact->second;
  for (const Limit* limit : patterns_) {
    if (matches(limit->pattern, node)) return limit;
  }
  return nullptr;
}

// What one start costs of the rate.
Duration Keys::step(const Gate& gate) const {
  if (gate.limit == nullptr || gate.limit->rate == 0) return Duration{0};
  return std::max(ms(gate.limit->period_ms) / gate.limit->rate, Duration{1});
}

GateId Keys::gate_of(Now now, std::string_view node, std::uint32_t hash, const Limit* limit, bool ordered) {
  ++fresh_gates_;
  if (free_gates_.empty()) {
    free_gates_.push_back(static_cast<GateId>(gates_.size()));
    gates_.emplace_back();
  }
  const GateId id = free_gates_.back();
  free_gates_.pop_back();
  Gate& gate = gates_[id];
  gate = Gate{};
  gate.name = node;
  gate.hash = hash;
  gate.limit = limit;
  gate.ordered = ordered;
  gate.live = true;
  by_name_.insert(hash, id);
  if (ordered) return id;
  if (limit != nullptr) gate.interval = ms(limit->interval_ms);
  if (!ledger_.held_nodes.empty()) {
    if (const auto held = ledger_.held_nodes.find(gate.name); held != ledger_.held_nodes.end()) {
      if (held->second.interval_ms != 0) gate.interval = ms(held->second.interval_ms);
      // Stored by the wall clock; a jump of it may not start anything early (hold() counts live).
      if (held->second.until > now.wall) gate.held_until = now.mono + (held->second.until - now.wall);
    }
  }
  if (recovered_) {
    gate.next_at = used_up_until_ + gate.interval;
    if (limit != nullptr && limit->rate != 0) gate.full_at = used_up_until_ + step(gate) * limit->burst;
  }
  return id;
}

// no_gate: nothing is said of the node.
GateId Keys::find_gate(Now now, std::string_view node) {
  const std::uint32_t hash = NameIndex::hash_of(node);
  if (const GateId known = known_gate(node, hash); known != no_gate) return known;
  const Limit* limit = resolve(node);
  const bool limits = limit != nullptr && (limit->concurrency | limit->rate | limit->interval_ms) != 0;
  if (limits) return gate_of(now, node, hash, limit, false);
  if (ledger_.held_nodes.empty() || !ledger_.held_nodes.contains(std::string(node))) return no_gate;
  return gate_of(now, node, hash, nullptr, false);
}

GateId Keys::ordered_gate(Now now, const Job& job) {
  const Extra& extra = ledger_.extras[job.extra];
  // No node begins with this character.
  const std::string name =
      fmt::format("\x01{}\x01{}", ledger_.queue_of(job).id, ledger_.keys.name(extra.key));
  const std::uint32_t hash = NameIndex::hash_of(name);
  const GateId known = known_gate(name, hash);
  return known != no_gate ? known : gate_of(now, name, hash, nullptr, true);
}

// By time alone.
Mono Keys::opens_at(const Gate& gate) const {
  Mono at = std::max(gate.next_at, gate.held_until);
  if (gate.limit != nullptr && gate.limit->rate != 0)
    at = std::max(at, gate.full_at - step(gate) * (gate.limit->burst - 1));
  return at;
}

// How many more could start now.
std::uint32_t Keys::room(Now now, const Gate& gate) const {
  if (!is_open(now, gate)) return 0;
  if (gate.interval.count() != 0) return 1;
  std::uint32_t room = gate.most() == 0 ? 64 : gate.most() - gate.running;
  if (gate.limit != nullptr && gate.limit->rate != 0) {
    const Duration used = std::max(gate.full_at - now.mono, Duration{0});
    const auto starts = static_cast<std::uint64_t>(used / step(gate));
    room = std::min(room, gate.limit->burst - static_cast<std::uint32_t>(
                                                  std::min<std::uint64_t>(starts, gate.limit->burst - 1)));
  }
  return room;
}

void Keys::count(Now now, Gate& gate) {
  ++gate.running;
  if (gate.interval.count() != 0) gate.next_at = now.mono + gate.interval;
  if (gate.limit != nullptr && gate.limit->rate != 0)
    gate.full_at = std::max(gate.full_at, now.mono) + step(gate);
}

void Keys::release(Now now, const Fallout::Grip& ended) {
  const Grip grip = grips_[ended.grip];
  free_grips_.push_back(ended.grip);
  for (std::uint32_t i = 0; i < grip.count; ++i) {
    const GateId id = grip.gates[i];
    JOINERY_CHECK(gates_[id].running != 0);
    --gates_[id].running;
    // It may have asked its host for something at the last moment.
    if (ended.died && gates_[id].interval.count() != 0) gates_[id].next_at = now.mono + gates_[id].interval;
    let_in(now, id);
    tidy(now, id);
  }
}

// Lanes of every line, so that one whose handler no worker has holds up no other.
void Keys::let_in(Now now, GateId id) {
  if (gates_[id].waiting.empty()) return;
  std::erase_if(gates_[id].waiting, [](const Gate::Queue& queue) { return queue.lanes.empty(); });
  const std::uint32_t most = room(now, gates_[id]);
  for (std::size_t i = 0; most != 0 && i < gates_[id].waiting.size(); ++i) {
    let_in(now, id, gates_[id].waiting[i].line, most);
  }
}

void Keys::let_in(Now, GateId id, std::uint32_t line, std::uint32_t most) {
  for (Gate::Queue& queue : gates_[id].waiting) {
    if (queue.line != line) continue;
    while (most != 0 && !queue.lanes.empty()) {
      const LaneRef ref = queue.lanes.front();
      queue.lanes.pop_front();
      Line& lane = ledger_.lines[ref.lane];
      if (lane.serial != ref.serial || lane.open != 0) continue;
      lane.woken = id + 1;
      open(ref.lane);
      --most;
    }
  }
}

// Those that only wait for their time to be over are looked at in turns, as others come.
void Keys::sweep_gates(Now now) {
  for (std::size_t n = 2 * std::exchange(fresh_gates_, 0); n != 0; --n) {
    if (++swept_ >= gates_.size()) swept_ = 0;
    tidy(now, swept_);
  }
}

// Forgets a gate that is as good as none; else sees to it that it is looked at in time, if lanes wait for
// that.
void Keys::tidy(Now now, GateId id) {
  Gate& gate = gates_[id];
  if (!gate.live) return;
  const bool waited_for =
      std::ranges::any_of(gate.waiting, [](const Gate::Queue& queue) { return !queue.lanes.empty(); });
  const Mono over = std::max({gate.full_at, gate.next_at, gate.held_until});
  if (gate.running == 0 && !waited_for && over <= now.mono) {
    by_name_.erase(gate.hash, id);
    gate = Gate{};
    free_gates_.push_back(id);
    return;
  }
  if (over <= now.mono || !waited_for) return;  // the next release looks again, or the sweep
  const Mono at = opens_at(gate) > now.mono ? opens_at(gate) : over;
  if (gate.timer_at > now.mono && gate.timer_at <= at) return;
  gate.timer_at = at;
  timers_.add({at, id});
}

bool Keys::fire(Now now) {
  bool any = false;
  for (GateTimer timer; timers_.take_due(now.mono, timer);) {
    Gate& gate = gates_[timer.gate];
    if (!gate.live || gate.timer_at != timer.at) continue;
    gate.timer_at = never_mono;
    let_in(now, timer.gate);
    tidy(now, timer.gate);
    any = true;
  }
  return any;
}

// A handler asked for it just now.
void Keys::hold(Now now, const std::string& node) {
  any_ = true;
  if (ledger_.held_nodes.size() > 2 * nodes_swept_ + 1024) {
    ledger_.forget_nodes(now.wall, held_node_kept);
    nodes_swept_ = ledger_.held_nodes.size();
  }
  const bool fresh = known_gate(node, NameIndex::hash_of(node)) == no_gate;
  const auto held = ledger_.held_nodes.find(node);
  const GateId id = find_gate(now, node);
  if (held == ledger_.held_nodes.end() || id == no_gate) return;
  Gate& gate = gates_[id];
  const Duration before = gate.interval;
  gate.interval = ms(held->second.interval_ms != 0 ? held->second.interval_ms
                     : gate.limit != nullptr       ? gate.limit->interval_ms
                                                   : 0);
  const Mono next = now.mono + gate.interval;
  if (fresh || gate.interval > before) gate.next_at = std::max(gate.next_at, next);
  if (gate.interval < before) gate.next_at = std::min(gate.next_at, next);
  gate.held_until = held->second.until > now.wall ? now.mono + (held->second.until - now.wall) : Mono{};
  let_in(now, id);
  tidy(now, id);
}

}  // namespace joinery::broker
