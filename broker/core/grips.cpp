// The gates of a job, and what it holds of them while it runs.
#include <algorithm>
#include <utility>

#include "broker/core/keys.h"

namespace joinery::broker {

// All gates that the job must pass; first that of its order, if it is ordered.
void Keys::collect(Now now, const Job& job, Grip& grip) {
  const Extra& extra = ledger_.extras[job.extra];
  grip.count = 0;
  grip.ordered = ledger_.specs[job.spec].spec.ordered;
  if (grip.ordered) grip.gates[grip.count++] = ordered_gate(job);
  if (!any_) return;
  const std::string_view key = ledger_.keys.name(extra.key);
  each_node(key, [&](std::string_view node) {
    const bool whole = node.size() == key.size();
    const GateId id = whole ? find_gate(now, extra.key, node) : find_gate(now, node);
    // A level that comes twice counts once.
    if (id == no_gate || std::find(grip.gates.begin(), grip.gates.begin() + grip.count, id) !=
                             grip.gates.begin() + grip.count) {
      return;
    }
    grip.gates[grip.count++] = id;
  });
}

// One that kept its place through a retry has passed the gate of its order.
GateId Keys::shut_gate(Now now, const Job& job, const Grip& grip) const {
  for (std::uint32_t i = ledger_.extras[job.extra].grip != 0 ? 1 : 0; i < grip.count; ++i) {
    if (!is_open(now, gates_[grip.gates[i]])) return grip.gates[i];
  }
  return no_gate;
}

// They are not forgotten at once: other answers of next() may know them.
void Keys::loosen(const Grip& grip) {
  loose_.insert(loose_.end(), grip.gates.begin(), grip.gates.begin() + grip.count);
}

void Keys::tidy_loose(Now now) {
  for (const GateId id : loose_) tidy(now, id);
  loose_.clear();
}

// As Extra::grip.
std::uint32_t Keys::keep(const Grip& grip) {
  if (grip.count == 1 && !grip.ordered) return one_gate | grip.gates[0];
  if (free_grips_.empty()) {
    free_grips_.push_back(static_cast<std::uint32_t>(grips_.size()));
    grips_.emplace_back();
  }
  const std::uint32_t number = free_grips_.back();
  free_grips_.pop_back();
  grips_[number] = grip;
  return number;
}

Keys::Grip Keys::give_back(std::uint32_t kept) {
  if ((kept & one_gate) != 0) return {.gates = {kept & ~one_gate}, .count = 1};
  free_grips_.push_back(kept);
  return grips_[kept];
}

// The job runs again, and keeps its place before the others of its key.
void Keys::keep_order(const Fallout::Grip& ended) {
  const Job* job = ledger_.job(ended.kept);
  if (job == nullptr || (ended.grip & one_gate) != 0 || ledger_.extras[job->extra].grip != 0) return;
  const Grip& grip = grips_[ended.grip];
  if (!grip.ordered) return;
  const Grip place{.gates = {grip.gates[0]}, .count = 1, .ordered = true};
  const std::uint32_t kept = keep(place);
  Grip& rest = grips_[ended.grip];  // keep() may have moved it
  rest.gates[0] = rest.gates[--rest.count];
  rest.ordered = false;
  ledger_.extras[job->extra].grip = kept;
}

// A delivery under way: it holds its gates, whatever their times. `again`: it has the gate of its order.
void Keys::count_running(Now now, const Job& job, bool again) {
  if (job.extra == no_slot) return;
  Extra& extra = ledger_.extras[job.extra];
  if (extra.key == 0) return;
  const bool ordered = ledger_.specs[job.spec].spec.ordered;
  Grip grip;
  if (job.get_state() == State::running) {
    collect(now, job, grip);
  } else if (ordered) {
    grip = {.gates = {ordered_gate(job)}, .count = 1, .ordered = true};
  }
  const bool counted = again && ordered && extra.grip != 0;
  for (std::uint32_t i = counted ? 1 : 0; i < grip.count; ++i) ++gates_[grip.gates[i]].running;
  if (extra.grip != 0) give_back(std::exchange(extra.grip, 0U));
  if (grip.count != 0) extra.grip = keep(grip);
}

std::optional<KeyWait> Keys::wait_of(Now now, const Job& job) {
  if (job.get_state() != State::ready || !concerns(job)) return std::nullopt;
  Grip grip;
  collect(now, job, grip);
  std::optional<KeyWait> wait;
  if (const GateId shut = shut_gate(now, job, grip); shut != no_gate) {
    const Gate& gate = gates_[shut];
    wait = {.node = std::string(ledger_.keys.name(gate.name)),
            .running = gate.running,
            .most = most(gate),
            .free_in = {},
            .ordered = gate.ordered != 0};
    if (!is_full(gate)) wait->free_in = opens_at(gate) - now.mono;
  }
  loosen(grip);
  tidy_loose(now);
  return wait;
}

}  // namespace joinery::broker
