// Ready jobs go to workers that have room for them.
#include <algorithm>
#include <array>

#include "broker/core/impl.h"

namespace joinery::broker {
namespace {

constexpr std::uint64_t reserved_most = 256;  // deliveries: there may be many workers, and none for them

void add_to_runs(std::vector<Run>& runs, JobId id, std::uint32_t attempt, std::uint32_t epoch,
                 std::size_t from) {
  if (runs.size() > from) {
    Run& last = runs.back();
    if (last.first + last.count == id && last.attempt == attempt) {
      ++last.count;
      return;
    }
  }
  runs.push_back({id, 1, attempt, epoch});
}

}  // namespace

// First everybody gets what can start at once, then what waits is shared out, so that no worker sits idle
// beside one with a full hand.
void Core::Impl::dispatch(Effects& effects) {
  if (!std::exchange(dispatch_wanted, false)) return;
  serving.note(ledger);
  std::vector<Taking> takings;
  for (SessionId id : workers) {
    Session& worker = sessions.at(id);
    std::uint32_t number = 0;
    Holder& holder = ledger.holder(id, number);
    if (!worker.connected || holder.holds >= worker.info.capacity) continue;
    const auto most = static_cast<std::uint32_t>(options.deliveries_per_dispatch);
    const std::uint32_t free = std::min(worker.info.capacity - holder.holds, most);
    takings.push_back(
        {&worker, &holder, free, {.worker = id, .runs = {}}, {.session = id, .deliveries = {}}, &effects});
    takings.back().dispatch.deliveries.reserve(
        std::min<std::uint64_t>({free, ledger.totals.ready, reserved_most}));
  }
  for (Taking& taking : takings) {
    const std::uint32_t at_once = taking.worker->info.processes * std::max(1U, taking.worker->info.threads);
    if (at_once > taking.holder->holds) take(taking, at_once - taking.holder->holds);
  }
  std::vector<Taking*> hungry;
  for (Taking& taking : takings) hungry.push_back(&taking);
  while (!hungry.empty()) {
    std::uint64_t sharers = hungry.size();
    std::erase_if(hungry, [&](Taking* taking) {
      const std::uint64_t ready = ready_for(*taking->worker, taking->free * sharers);
      const std::uint64_t share = (ready + sharers - 1) / sharers;
      --sharers;
      return take(*taking, static_cast<std::uint32_t>(std::min<std::uint64_t>(share, taking->free))) == 0;
    });
  }
  for (Taking& taking : takings) {
    if (taking.dispatch.deliveries.empty()) continue;
    if (taking.dispatch.deliveries.size() >= options.deliveries_per_dispatch) dispatch_wanted = true;
    effects.changes.push_back(std::move(taking.start));  // evolved piece by piece in take_best
    effects.effects.push_back(std::move(taking.dispatch));
  }
}

// No more than `most` is of interest.
std::uint64_t Core::Impl::ready_for(const Session& worker, std::uint64_t most) const {
  std::uint64_t sum = 0;
  for (std::uint32_t at = worker.ready.next(0); at != Places::none && sum < most;
       at = worker.ready.next(at + 1)) {
    const QueueState& queue = ledger.queues[worker.queues[at]];
    if (!queue.paused) sum += queue.counts.ready;
  }
  return std::min(sum, most);
}

std::uint32_t Core::Impl::take(Taking& taking, std::uint32_t most) {
  most = std::min(most, taking.free);
  std::uint32_t taken = 0;
  if (!taking.worker->info.weights.empty()) {
    taken = take_in_turns(taking, most);
  } else {
    const Session& worker = *taking.worker;
    for (std::uint32_t at = worker.ready.next(0); at != Places::none && taken != most;
         at = worker.ready.next(at + 1)) {
      taken += take_from(worker.queues[at], taking, most - taken);
    }
  }
  taking.free -= taken;
  return taken;
}

// Round robin by weights: a queue that has nothing for the worker passes its turn on, and no queue waits for
// more than one round.
std::uint32_t Core::Impl::take_in_turns(Taking& taking, std::uint32_t most) {
  Session& worker = *taking.worker;
  std::uint32_t taken = 0;
  for (std::size_t idle = 0; taken < most && idle <= worker.queues.size();) {
    if (worker.turn_left == 0) {
      std::uint32_t at = worker.ready.next(worker.turn + 1);
      if (at == Places::none) at = worker.ready.next(0);
      if (at == Places::none) break;
      worker.turn = at;
      worker.turn_left = worker.info.weights[worker.turn];
    }
    const std::uint32_t more =
        take_from(worker.queues[worker.turn], taking, std::min(most - taken, worker.turn_left));
    taken += more;
    worker.turn_left = more == 0 ? 0 : worker.turn_left - more;
    idle = more == 0 ? idle + 1 : 0;
  }
  return taken;
}

std::uint32_t Core::Impl::take_from(std::uint32_t id, Taking& taking, std::uint32_t most) {
  QueueState& queue = ledger.queues[id];
  if (queue.paused || queue.counts.ready == 0) return 0;
  std::uint32_t taken = 0;
  for (auto level = queue.levels.begin(); level != queue.levels.end() && taken < most;) {
    if (keys.pass_on(now_)) {
      keys.tidy_loose(now_);
      level = queue.levels.begin();  // what was let in may be of an earlier level
      continue;
    }
    const std::int64_t priority = level->first;
    if (ledger.ghosts() != 0) {
      if (!drop_ghosts(std::vector(level->second), *taking.effects)) {
        dispatch_wanted = true;  // the rest in the next tick
        break;
      }
      level = queue.levels.lower_bound(priority);
      if (level == queue.levels.end() || level->first != priority) continue;
    }
    const std::uint32_t more = take_best(queue, level->second, taking, most - taken);
    taken += more;
    level = more == 0 ? queue.levels.upper_bound(priority) : queue.levels.lower_bound(priority);
  }
  return taken;
}

void Core::Impl::deliver(const QueueState& queue, const Job& job, std::size_t from, Taking& taking) {
  add_to_runs(taking.start.runs, job.id, job.attempt + 1, ledger.epoch, from);
  // Written where it stays: see jobs.h.
  effect::Delivery& delivery = taking.dispatch.deliveries.emplace_back();
  delivery.token.job = job.id;
  delivery.token.attempt = job.attempt + 1;
  delivery.token.epoch = ledger.epoch;
  delivery.spec = job.spec;
  delivery.queue = queue.id;
  delivery.batch = job.batch;
  if (const Extra* extra = ledger.extra(job)) delivery.parent = extra->parent;
  delivery.level = queue.options.durability;
  delivery.place.position = job.position;
  delivery.place.size = job.size;
}

// Where keys have a say: job by job, as each may shut a gate for the next.
std::uint32_t Core::Impl::take_by_keys(const QueueState& queue, std::vector<std::uint32_t> candidates,
                                       Taking& taking, std::uint32_t most) {
  std::erase_if(candidates,
                [&](std::uint32_t line) { return !taking.worker->can_run(ledger.lines[line].handler); });
  std::uint32_t holder = 0;
  ledger.holder(taking.worker->id, holder);
  std::uint32_t taken = 0;
  const bool one_level = queue.options.mode != Mode::priority;  // else take_from passes wakes on
  std::array<Keys::Next, 2> answers;
  Keys::Next* best = &answers[0];
  Keys::Next* next = &answers[1];
  for (; taken < most; keys.tidy_loose(now_)) {
    if (one_level) keys.pass_on(now_);
    best->slot = no_slot;
    for (const std::uint32_t line : candidates) {
      keys.next(now_, line, *next);
      if (next->slot == no_slot) continue;
      if (best->slot == no_slot || Keys::ranks_before(next->rank, best->rank)) std::swap(best, next);
      if (next->slot != no_slot) keys.leave(*next);
    }
    if (best->slot == no_slot || (!one_level && keys.owes_wakes())) break;
    const Job& job = ledger.jobs[best->slot];
    if (ledger.is_ghost(job)) {
      keys.leave(*best);
      if (sweep_left_ == 0) {
        dispatch_wanted = true;  // the rest in the next tick
        break;
      }
      --sweep_left_;
      end(now_, Outcome::cancelled, {job.id}, *taking.effects);
      continue;
    }
    deliver(queue, job, 0, taking);
    const LaneRef lane = keys.lane_of(best->slot);
    keys.take(now_, *best);
    ledger.start_delivery(best->slot, job.attempt + 1, ledger.epoch, holder, fallout);
    keys.took(lane);
    ++taken;
  }
  keys.tidy_loose(now_);
  keys.sweep_gates(now_);
  return taken;
}

// From the line whose head is the first in the order of the queue, up to where another line's head would be
// the next.
std::uint32_t Core::Impl::take_best(QueueState& queue, const std::vector<std::uint32_t>& candidates,
                                    Taking& taking, std::uint32_t most) {
  const bool by_keys = queue.options.fair || std::ranges::any_of(candidates, [&](std::uint32_t number) {
                         const Line& line = ledger.lines[number];
                         return line.open != 0 || keys.concerns(ledger.jobs[line.head]);
                       });
  if (by_keys) return take_by_keys(queue, candidates, taking, most);
  const Line* best = nullptr;
  const Job* second = nullptr;
  for (std::uint32_t number : candidates) {
    const Line& line = ledger.lines[number];
    if (!taking.worker->can_run(line.handler)) continue;
    const Job& head = ledger.jobs[line.head];
    if (best == nullptr) {
      best = &line;
    } else if (before(head.order_or_holder, ledger.jobs[best->head].order_or_holder)) {
      second = &ledger.jobs[best->head];
      best = &line;
    } else if (second == nullptr || before(head.order_or_holder, second->order_or_holder)) {
      second = &head;
    }
  }
  if (best == nullptr) return 0;
  auto& runs = taking.start.runs;
  const std::size_t from = runs.size();
  std::uint32_t taken = 0;
  for (Slot slot = best->head; slot != no_slot && taken < most; ++taken) {
    const Job& job = ledger.jobs[slot];
    if (second != nullptr && !before(job.order_or_holder, second->order_or_holder)) break;
    if (ledger.is_ghost(job)) break;
    if (taken != 0 && keys.concerns(job)) break;
    deliver(queue, job, from, taking);
    slot = job.next;
  }
  JOINERY_CHECK(ledger.evolve_start(taking.worker->id, std::span(runs).subspan(from), fallout));
  return taken;
}

}  // namespace joinery::broker
