// Gates: when the next job of a node may start.
#include <algorithm>
#include <utility>

#include "broker/core/keys.h"
#include "shared/base/check.h"

namespace joinery::broker {
namespace {

Duration ms(std::uint64_t value) { return Duration(static_cast<std::int64_t>(value) * 1000); }

// More than the weight.
bool does_limit(const Limit* limit) {
  return limit != nullptr && (limit->concurrency | limit->rate | limit->interval_ms) != 0;
}

}  // namespace

std::uint32_t Keys::most(const Gate& gate) const {
  if (gate.ordered != 0) return 1;
  const Limit* limit = limit_of(gate);
  return limit == nullptr ? 0 : limit->concurrency;
}

Duration Keys::interval(const Gate& gate) const {
  if (const GateRest* rest = rest_of(gate); rest != nullptr && rest->interval) return *rest->interval;
  const Limit* limit = limit_of(gate);
  return limit == nullptr ? Duration{0} : ms(limit->interval_ms);
}

// What one start costs of the rate.
Duration Keys::step(const Gate& gate) const {
  const Limit* limit = limit_of(gate);
  if (limit == nullptr || limit->rate == 0) return Duration{0};
  return std::max(ms(limit->period_ms) / limit->rate, Duration{1});
}

GateRest& Keys::need_rest(Gate& gate) {
  if (gate.rest == no_slot) gate.rest = rests_.take();
  return rests_[gate.rest];
}

// The name is used by it from now on.
GateId Keys::new_gate(std::uint32_t name) {
  ++fresh_gates_;
  ledger_.keys.use(name);
  const GateId id = gates_.take();
  gates_[id].name = name;
  return id;
}

void Keys::forget(GateId id) {
  const Gate& gate = gates_[id];
  if (gate.ordered != 0) {
    orders_.erase(NameIndex::hash_of(gate.of, gate.name), id);
  } else {
    ledger_.keys.set_mark(gate.name, 0);
  }
  ledger_.keys.remove(gate.name);
  if (gate.rest != no_slot) rests_.give(gate.rest);
  gates_.give(id);
}

GateId Keys::gate_of(Now now, std::uint32_t name, const Limit* limit) {
  const GateId id = new_gate(name);
  ledger_.keys.set_mark(name, id + 1);
  Gate& gate = gates_[id];
  gate.of = number_of(limit);
  if (!ledger_.held_nodes.empty()) {
    const auto held = ledger_.held_nodes.find(std::string(ledger_.keys.name(name)));
    if (held != ledger_.held_nodes.end()) {
      GateRest& rest = need_rest(gate);
      if (held->second.interval_ms != 0) rest.interval = ms(held->second.interval_ms);
      // Stored by the wall clock; a jump of it may not start anything early (hold() counts live).
      if (held->second.until > now.wall) rest.held_until = now.mono + (held->second.until - now.wall);
    }
  }
  if (recovered_) {
    gate.next_at = used_up_until_ + interval(gate);
    if (limit != nullptr && limit->rate != 0) gate.full_at = used_up_until_ + step(gate) * limit->burst;
  }
  return id;
}

// no_gate: nothing is said of the node.
GateId Keys::find_gate(Now now, std::string_view node) {
  if (const std::uint32_t name = ledger_.keys.find(node); name != 0) return find_gate(now, name, node);
  const Limit* limit = resolve(node);
  if (!does_limit(limit) && !is_held(node)) return no_gate;
  const std::uint32_t name = ledger_.keys.add(node);
  const GateId id = gate_of(now, name, limit);
  ledger_.keys.remove(name);
  return id;
}

GateId Keys::find_gate(Now now, std::uint32_t name, std::string_view node) {
  if (const std::uint32_t known = ledger_.keys.mark(name); known != 0) return known - 1;
  const Limit* limit = resolve(node);
  return does_limit(limit) || is_held(node) ? gate_of(now, name, limit) : no_gate;
}

bool Keys::is_held(std::string_view node) const {
  return !ledger_.held_nodes.empty() && ledger_.held_nodes.contains(std::string(node));
}

GateId Keys::ordered_gate(const Job& job) {
  const std::uint32_t key = ledger_.extras[job.extra].key;
  const std::uint32_t queue = ledger_.queue_of(job).id;
  const std::uint32_t hash = NameIndex::hash_of(queue, key);
  const GateId known =
      orders_.find(hash, [&](GateId id) { return gates_[id].of == queue && gates_[id].name == key; });
  if (known != NameIndex::none) return known;
  const GateId id = new_gate(key);
  gates_[id].ordered = 1;
  gates_[id].of = queue & 0x7fff'ffffU;
  orders_.insert(hash, id);
  return id;
}

// By time alone.
Mono Keys::opens_at(const Gate& gate) const {
  Mono at = gate.next_at;
  if (const GateRest* rest = rest_of(gate)) at = std::max(at, rest->held_until);
  const Limit* limit = limit_of(gate);
  if (limit != nullptr && limit->rate != 0) at = std::max(at, gate.full_at - step(gate) * (limit->burst - 1));
  return at;
}

Mono Keys::over_at(const Gate& gate) const {
  const Mono at = std::max(gate.full_at, gate.next_at);
  const GateRest* rest = rest_of(gate);
  return rest == nullptr ? at : std::max(at, rest->held_until);
}

// How many more could start now.
std::uint32_t Keys::room(Now now, const Gate& gate) const {
  if (!is_open(now, gate)) return 0;
  if (interval(gate).count() != 0) return 1;
  std::uint32_t room = most(gate) == 0 ? 64 : most(gate) - gate.running;
  const Limit* limit = limit_of(gate);
  if (limit != nullptr && limit->rate != 0) {
    const Duration used = std::max(gate.full_at - now.mono, Duration{0});
    const auto starts = static_cast<std::uint64_t>(used / step(gate));
    room = std::min(
        room, limit->burst - static_cast<std::uint32_t>(std::min<std::uint64_t>(starts, limit->burst - 1)));
  }
  return room;
}

void Keys::count(Now now, Gate& gate) {
  ++gate.running;
  if (const Duration apart = interval(gate); apart.count() != 0) gate.next_at = now.mono + apart;
  const Limit* limit = limit_of(gate);
  if (limit != nullptr && limit->rate != 0) gate.full_at = std::max(gate.full_at, now.mono) + step(gate);
}

void Keys::release(Now now, const Fallout::Grip& ended) {
  const Grip grip = give_back(ended.grip);
  for (std::uint32_t i = 0; i < grip.count; ++i) {
    Gate& gate = gates_[grip.gates[i]];
    JOINERY_CHECK(gate.running != 0);
    --gate.running;
    // It may have asked its host for something at the last moment.
    if (ended.died && interval(gate).count() != 0) gate.next_at = now.mono + interval(gate);
    let_in(now, grip.gates[i]);
    tidy(now, grip.gates[i]);
  }
}

// Lanes of every line, so that one whose handler no worker has holds up no other.
void Keys::let_in(Now now, GateId id) {
  GateRest* rest = rest_of(gates_[id]);
  if (rest == nullptr || rest->waiting.empty()) return;
  std::erase_if(rest->waiting, [](const WaitingLanes& lanes) { return lanes.empty(); });
  const std::uint32_t most = room(now, gates_[id]);
  for (WaitingLanes& lanes : rest->waiting) let_in(id, lanes, most);
}

void Keys::let_in(GateId id, WaitingLanes& lanes, std::uint32_t most) {
  while (most != 0 && !lanes.empty()) {
    const LaneRef ref = lanes.pop();
    Line& lane = ledger_.lines[ref.lane];
    if (lane.serial != ref.serial || lane.open != 0) continue;
    lane.woken = id + 1;
    open(ref.lane);
    --most;
  }
}

// Those that only wait for their time to be over are looked at in turns, as others come.
void Keys::sweep_gates(Now now) {
  for (std::size_t n = 2 * std::exchange(fresh_gates_, 0); n != 0; --n) {
    if (++swept_ >= gates_.end()) swept_ = 0;
    const Gate& gate = gates_[swept_];
    const bool goes_on = gate.rest == no_slot && (gate.running != 0 || over_at(gate) > now.mono);
    if (!goes_on) tidy(now, swept_);
  }
}

// Forgets a gate that is as good as none; else sees to it that it is looked at in time, if lanes wait for
// that.
void Keys::tidy(Now now, GateId id) {
  Gate& gate = gates_[id];
  if (gate.name == 0) return;
  GateRest* rest = rest_of(gate);
  const bool waited_for = rest != nullptr && rest->waited_for();
  const Mono over = over_at(gate);
  if (gate.running == 0 && !waited_for && over <= now.mono) return forget(id);
  if (over <= now.mono || !waited_for) return;  // the next release looks again, or the sweep
  const Mono at = opens_at(gate) > now.mono ? opens_at(gate) : over;
  if (rest->timer_at > now.mono && rest->timer_at <= at) return;
  rest->timer_at = at;
  timers_.add({at, id});
}

bool Keys::fire(Now now) {
  bool any = false;
  for (GateTimer timer; timers_.take_due(now.mono, timer);) {
    GateRest* rest = rest_of(gates_[timer.gate]);
    if (rest == nullptr || rest->timer_at != timer.at) continue;
    rest->timer_at = never_mono;
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
  const std::uint32_t name = ledger_.keys.find(node);
  const bool fresh = name == 0 || ledger_.keys.mark(name) == 0;
  const auto held = ledger_.held_nodes.find(node);
  const GateId id = find_gate(now, node);
  if (held == ledger_.held_nodes.end() || id == no_gate) return;
  Gate& gate = gates_[id];
  GateRest& rest = need_rest(gate);
  const Duration before = interval(gate);
  rest.interval.reset();
  if (held->second.interval_ms != 0) rest.interval = ms(held->second.interval_ms);
  const Duration after = interval(gate);
  const Mono next = now.mono + after;
  if (fresh || after > before) gate.next_at = std::max(gate.next_at, next);
  if (after < before) gate.next_at = std::min(gate.next_at, next);
  rest.held_until = held->second.until > now.wall ? now.mono + (held->second.until - now.wall) : Mono{};
  let_in(now, id);
  tidy(now, id);
}

}  // namespace joinery::broker
