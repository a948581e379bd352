// Which limit a node has, and what changes with the limits.
#include <algorithm>

#include "broker/core/keys.h"

namespace joinery::broker {

void Keys::declare(Now now, std::vector<Limit> limits) {
  declared_ = std::move(limits);
  rules_changed(now);
}

const Limit* Keys::declared(const std::string& pattern) const {
  const auto found = std::ranges::find(declared_, pattern, &Limit::pattern);
  return found == declared_.end() ? nullptr : &*found;
}

// An exact name goes before patterns, and of those the one with the most text.
const Limit* Keys::resolve(std::string_view node) const {
  if (!exact_.empty()) {
    if (const auto exact = exact_.find(node); exact != exact_.end()) return exact->second;
  }
  for (const Limit* limit : patterns_) {
    if (matches(limit->pattern, node)) return limit;
  }
  return nullptr;
}

// Those that are in force now, in the order in which they are tried.
void Keys::sort_rules() {
  rules_.clear();
  exact_.clear();
  patterns_.clear();
  for (const auto& [_, limit] : ledger_.limits) rules_.push_back(limit);
  for (const Limit& limit : declared_) {
    if (!ledger_.limits.contains(limit.pattern)) rules_.push_back(limit);
  }
  for (const Limit& limit : rules_) {
    if (has_wildcard(limit.pattern)) {
      patterns_.push_back(&limit);
    } else {
      exact_[limit.pattern] = &limit;
    }
  }
  std::ranges::stable_sort(patterns_, [](const Limit* a, const Limit* b) {
    const auto text = [](const Limit* limit) {
      return limit->pattern.size() - static_cast<std::size_t>(std::ranges::count(limit->pattern, '*'));
    };
    return std::pair(text(b), a->pattern) < std::pair(text(a), b->pattern);
  });
}

// Counts anew for the new rules; times go on.
void Keys::rules_changed(Now now) {
  sort_rules();
  any_ = !rules_.empty() || !ledger_.held_nodes.empty();
  for (auto& [_, fair] : fair_) {
    for (auto& [name, flow] : fair.flows) {
      const Limit* limit = name.empty() ? nullptr : resolve(name);
      flow.weight = limit == nullptr ? 1 : limit->weight;
    }
  }
  for (GateId id = 0; id < gates_.end(); ++id) {
    if (gates_[id].name != 0 && gates_[id].ordered == 0) apply_rule(now, gates_[id]);
  }
  for (const Holder& holder : ledger_.holders) {
    for (Slot slot = holder.head; slot != no_slot; slot = ledger_.jobs[slot].next)
      count_running(now, ledger_.jobs[slot], true);
  }
  for (GateId id = 0; id < gates_.end(); ++id) {
    GateRest* rest = rest_of(gates_[id]);
    if (rest != nullptr && gates_[id].ordered == 0) {
      for (WaitingLanes& lanes : rest->waiting) let_in(id, lanes, UINT32_MAX);  // they look for themselves
    }
    tidy(now, id);
  }
}

// Nobody waits longer than the new rule could make him.
void Keys::apply_rule(Now now, Gate& gate) {
  const std::string node(ledger_.keys.name(gate.name));
  gate.of = number_of(resolve(node));
  gate.running = 0;
  if (GateRest* rest = rest_of(gate)) {
    const auto held = ledger_.held_nodes.find(node);
    rest->interval.reset();
    if (held != ledger_.held_nodes.end() && held->second.interval_ms != 0)
      rest->interval = std::chrono::milliseconds(held->second.interval_ms);
  }
  const Duration apart = interval(gate);
  gate.next_at = apart.count() == 0 ? Mono{} : std::min(gate.next_at, now.mono + apart);
  const Limit* limit = limit_of(gate);
  const bool has_rate = limit != nullptr && limit->rate != 0;
  gate.full_at = has_rate ? std::min(gate.full_at, now.mono + step(gate) * limit->burst) : Mono{};
}

// Counts what runs. Times begin as if all had just been used up, because what started last is not known.
void Keys::start(Now now, bool recovered) {
  recovered_ = recovered;
  used_up_until_ = now.mono;
  rules_changed(now);
  ledger_.for_each([&](Slot, const Job& job) {
    if (job.extra == no_slot) return;
    const bool waits = job.get_state() == State::ready || job.get_state() == State::scheduled;
    if (waits && job.has(flag_begun)) count_running(now, job, false);
  });
}

std::vector<LimitView> Keys::limits() const {
  std::vector<LimitView> all;
  for (const Limit& limit : rules_) all.push_back({limit, !ledger_.limits.contains(limit.pattern)});
  std::ranges::sort(all, {}, [](const LimitView& view) { return view.limit.pattern; });
  return all;
}

}  // namespace joinery::broker
