// Which job of a line is next, and the lanes that jobs with keys are kept in.
#include "broker/core/keys.h"

#include <algorithm>

#include "shared/base/check.h"

namespace joinery::broker {
namespace {

constexpr std::uint64_t turn = 1U << 20U;  // of a flow with weight 1

std::uint64_t rank_of(const Job& job) { return std::uint64_t{job.order_or_holder} << 32U; }

}  // namespace

// --- the gates of a job ---

// All gates that the job must pass; first that of its order, if it is ordered.
void Keys::collect(Now now, const Job& job, Grip& grip) {
  const Extra& extra = ledger_.extras[job.extra];
  grip.count = 0;
  grip.ordered = ledger_.specs[job.spec].spec.ordered;
  if (grip.ordered) grip.gates[grip.count++] = ordered_gate(now, job);
  if (!any_) return;
  each_node(ledger_.keys.name(extra.key), [&](std::string_view node) {
    const GateId id = find_gate(now, node);
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
  if (fresh_gates_ != 0) sweep_gates(now);
}

std::uint32_t Keys::keep(const Grip& grip) {
  if (free_grips_.empty()) {
    free_grips_.push_back(static_cast<std::uint32_t>(grips_.size()));
    grips_.emplace_back();
  }
  const std::uint32_t number = free_grips_.back();
  free_grips_.pop_back();
  grips_[number] = grip;
  return number;
}

// --- what is next ---

Keys::Next Keys::next(Now now, std::uint32_t number) {
  pass_on(now);
  const bool fair = ledger_.queues[ledger_.lines[number].queue].options.fair;
  while (true) {
    const Slot head = ledger_.lines[number].head;
    if (fair && head != no_slot) {
      const Job& job = ledger_.jobs[head];
      into_lane(head, job.extra == no_slot ? 0 : ledger_.extras[job.extra].key);
      continue;
    }
    const std::uint32_t lane = top_lane(number);
    if (lane == 0 && head == no_slot) return {};
    const Slot first = lane == 0 ? head : ledger_.lines[lane].head;
    const bool from_lane = lane != 0 && (head == no_slot || ranks_before(rank_of(ledger_.jobs[first]),
                                                                         rank_of(ledger_.jobs[head])));
    const Slot slot = from_lane ? first : head;
    const Job& job = ledger_.jobs[slot];
    const std::uint64_t rank = fair ? ledger_.lines[lane].rank : rank_of(job);
    if (!concerns(job)) return {slot, rank, {}};
    const std::uint32_t key = ledger_.extras[job.extra].key;
    if (!from_lane && ledger_.find_lane(number, key) != 0) {
      into_lane(slot, key);
      continue;
    }
    Grip grip;
    collect(now, job, grip);
    loosen(grip);
    const GateId shut = shut_gate(now, job, grip);
    if (shut == no_gate) return {slot, rank, grip};
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
  if (kept != 0) free_grips_.push_back(kept);
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
  Gate& gate = gates_[id];
  const auto queue = std::ranges::find(gate.waiting, lane.base, &Gate::Queue::line);
  Gate::Queue& lanes = queue != gate.waiting.end() ? *queue : gate.waiting.emplace_back();
  lanes.line = lane.base;
  lanes.lanes.push_back({number, lane.serial});
  tidy(now, id);
}

// Lanes that were let in and took nothing, or not all, make room for the next ones.
void Keys::pass_on(Now now) {
  while (!ledger_.lost_wakes.empty()) {
    const GateId id = ledger_.lost_wakes.back();
    ledger_.lost_wakes.pop_back();
    if (!gates_[id].live) continue;
    let_in(now, id);
    loose_.push_back(id);
  }
}

// --- fairness ---

std::uint64_t Keys::turn_of(const Line& lane) {
  if (!ledger_.queues[lane.queue].options.fair) return 0;
  Fair& fair = fair_[lane.queue];
  const std::string_view name = outermost(ledger_.keys.name(lane.key));
  auto flow = fair.flows.find(name);
  if (flow == fair.flows.end()) {
    sweep(fair);
    flow = fair.flows.emplace(std::string(name), Flow{fair.now}).first;
    const Limit* limit = name.empty() ? nullptr : resolve(name);
    if (limit != nullptr) flow->second.weight = limit->weight;
  }
  std::uint64_t& last = flow->second.last;
  if (ranks_before(last, fair.now)) last = fair.now;
  return last += turn / flow->second.weight;
}

// Whoever waits takes turns from now on, or does so no more.
void Keys::fair_changed(std::uint32_t queue) {
  for (std::uint32_t number = 1; number < ledger_.lines.size(); ++number) {
    if (ledger_.lines[number].queue == queue && ledger_.lines[number].base == number) offers_.erase(number);
  }
  for (std::uint32_t number = 1; number < ledger_.lines.size(); ++number) {
    Line& lane = ledger_.lines[number];
    if (lane.queue != queue || lane.base == number || lane.head == no_slot) continue;
    lane.rank = turn_of(lane);
    if (lane.open != 0) offer(number);
  }
}

// A flow whose last turn is over is as good as a new one.
void Keys::sweep(Fair& fair) {
  if (fair.flows.size() < 2 * fair.swept + 64) return;
  std::erase_if(fair.flows, [&](const auto& flow) { return !ranks_before(fair.now, flow.second.last); });
  fair.swept = fair.flows.size();
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
}

// The job runs again, and keeps its place before the others of its key.
void Keys::keep_order(const Fallout::Grip& ended) {
  Job* job = ledger_.job(ended.kept);
  Grip& grip = grips_[ended.grip];
  if (job == nullptr || !grip.ordered || ledger_.extras[job->extra].grip != 0) return;
  const Grip place{.gates = {grip.gates[0]}, .count = 1, .ordered = true};
  const std::uint32_t kept = keep(place);
  Grip& rest = grips_[ended.grip];  // keep() may have moved it
  rest.gates[0] = rest.gates[--rest.count];
  rest.ordered = false;
  ledger_.extras[job->extra].grip = kept;
}

void Keys::declare(Now now, std::vector<Limit> limits) {
  declared_ = std::move(limits);
  rules_changed(now);
}

const Limit* Keys::declared(const std::string& pattern) const {
  const auto found = std::ranges::find(declared_, pattern, &Limit::pattern);
  return found == declared_.end() ? nullptr : &*found;
}

// Counts anew for the new rules; times go on.
void Keys::rules_changed(Now now) {
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
  any_ = !rules_.empty() || !ledger_.held_nodes.empty();
  for (auto& [_, fair] : fair_) {
    for (auto& [name, flow] : fair.flows) {
      const Limit* limit = name.empty() ? nullptr : resolve(name);
      flow.weight = limit == nullptr ? 1 : limit->weight;
    }
  }
  for (Gate& gate : gates_) {
    if (!gate.live || gate.ordered) continue;
    gate.limit = resolve(gate.name);
    gate.running = 0;
    const auto held = ledger_.held_nodes.find(gate.name);
    const bool by_handler = held != ledger_.held_nodes.end() && held->second.interval_ms != 0;
    gate.interval = std::chrono::milliseconds(by_handler              ? held->second.interval_ms
                                              : gate.limit != nullptr ? gate.limit->interval_ms
                                                                      : 0);
    if (gate.interval.count() == 0) gate.next_at = Mono{};
    if (gate.limit == nullptr || gate.limit->rate == 0) gate.full_at = Mono{};
  }
  for (const Holder& holder : ledger_.holders) {
    for (Slot slot = holder.head; slot != no_slot; slot = ledger_.jobs[slot].next)
      count_running(now, ledger_.jobs[slot], true);
  }
  for (GateId id = 0; id < gates_.size(); ++id) {
    if (!gates_[id].live) continue;
    for (std::size_t i = 0; !gates_[id].ordered && i < gates_[id].waiting.size(); ++i)
      let_in(now, id, gates_[id].waiting[i].line, UINT32_MAX);  // they look for themselves
    tidy(now, id);
  }
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
    grip = {.gates = {ordered_gate(now, job)}, .count = 1, .ordered = true};
  }
  const bool counted = again && ordered && extra.grip != 0;
  for (std::uint32_t i = counted ? 1 : 0; i < grip.count; ++i) ++gates_[grip.gates[i]].running;
  if (extra.grip != 0) free_grips_.push_back(std::exchange(extra.grip, 0U));
  if (grip.count != 0) extra.grip = keep(grip);
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

// --- for people ---

std::vector<LimitView> Keys::limits() const {
  std::vector<LimitView> all;
  for (const Limit& limit : rules_) all.push_back({limit, !ledger_.limits.contains(limit.pattern)});
  std::ranges::sort(all, {}, [](const LimitView& view) { return view.limit.pattern; });
  return all;
}

std::optional<KeyWait> Keys::wait_of(Now now, const Job& job) {
  if (job.get_state() != State::ready || !concerns(job)) return std::nullopt;
  Grip grip;
  collect(now, job, grip);
  std::optional<KeyWait> wait;
  if (const GateId shut = shut_gate(now, job, grip); shut != no_gate) {
    const Gate& gate = gates_[shut];
    wait = {.node = gate.ordered ? ledger_.keys.name(ledger_.extras[job.extra].key) : gate.name,
            .running = gate.running,
            .most = gate.most(),
            .free_in = {},
            .ordered = gate.ordered};
    if (!gate.is_full()) wait->free_in = opens_at(gate) - now.mono;
  }
  loosen(grip);
  tidy_loose(now);
  return wait;
}

std::size_t Keys::memory_bytes() const {
  return gates_.size() * sizeof(Gate) + by_name_.memory_bytes() + grips_.capacity() * sizeof(Grip) +
         timers_.memory_bytes();
}

}  // namespace joinery::broker
