// How a snapshot's parts are put into an empty ledger; what follows from them is worked out again. False: the
// part contradicts what is there.
#include <algorithm>
#include <functional>
#include <utility>

#include "broker/core/ledger.h"

namespace joinery::broker {

void Ledger::restore_spec(Spec spec, std::uint64_t idle) {
  const auto id = static_cast<SpecId>(specs.size());
  const std::uint32_t handler = handlers.add(spec.handler);
  specs.push_back({.spec = std::move(spec), .handler = handler, .jobs = 0, .idle = idle});
  if (idle != 0) idle_specs.emplace(idle, id);
}

bool Ledger::restore_queue(QueueState&& queue) {
  queue.id = static_cast<std::uint32_t>(queues.size());
  if (queue.name.empty() || find_queue(queue.name) != 0) return false;
  queue_index_.insert(NameIndex::hash_of(queue.name), queue.id);
  any_defaults = any_defaults || !queue.options.defaults.empty();
  queues.push_back(std::move(queue));
  return true;
}

bool Ledger::restore_batch(BatchState&& batch) {
  if (batch.id == 0 || batch.id >= next_batch || batches.contains(batch.id)) return false;
  if (batch.parent >= batch.id) return false;
  if (batch.settled != 0) settled_.emplace(batch.settled, batch.id);
  ghosts_ += batch.ghosts;
  batches.emplace(batch.id, std::move(batch));
  return true;
}

// A batch counts at least what is counted in those that are in it: checkpoints of before it did so have
// nothing of that. Inner ones come first, which have the greater ids.
void Ledger::link_batches() {
  std::vector<BatchState*> inner_first;
  for (auto& [_, batch] : batches) {
    batch.outer = find_batch(batch.parent);
    if (!batch.children.empty()) inner_first.push_back(&batch);
  }
  std::ranges::sort(inner_first, std::greater(), &BatchState::id);
  for (BatchState* batch : inner_first) {
    for (const auto count : {&Counts::succeeded, &Counts::failed, &Counts::cancelled, &Counts::expired}) {
      std::uint64_t within = 0;
      for (const BatchId id : batch->children) {
        if (const BatchState* child = find_batch(id)) within += child->counts.*count + child->inner.*count;
      }
      batch->inner.*count = std::max(batch->inner.*count, within);
    }
  }
}

// Jobs come in the order of their lists.
bool Ledger::restore_job(const Job& saved, State state, std::uint32_t queue, std::int64_t priority,
                         SessionId held_by, Wall due) {
  if (saved.id == 0 || saved.id >= next_job || index.find(saved.id) != no_slot) return false;
  const Slot slot = jobs.take();
  Job& job = jobs[slot];
  job = saved;
  job.line = line_for(queue, specs[job.spec].handler, priority);
  ++lines[job.line].jobs;
  index.insert(job.id, slot);
  use_spec(job.spec, 1);
  job.set_state(state);
  switch (state) {
    case State::ready: append(slot, job.order_or_holder); break;
    case State::parked: park(slot); break;
    case State::scheduled: job.set_due(due); break;
    case State::running: {
      std::uint32_t number = 0;
      holder(held_by, number);
      hold(slot, number);
      break;
    }
    case State::failed: dead.insert(job.id); break;
    case State::blocked: break;
  }
  if (state == State::failed || is_ghost(job)) return true;  // counted as an outcome
  const BatchState* batch = find_batch(job.batch);
  const bool settled = batch != nullptr && batch->settled != 0;
  count_in(job, state);
  return !settled;
}

void Ledger::append(Slot slot, std::uint32_t order) {
  Job& job = jobs[slot];
  Line& line = lines[job.line];
  if (line.head == no_slot) queues[line.queue].levels[line.priority].push_back(job.line);
  // Those that were in lanes come after the others.
  if (line.tail != no_slot && before(order, jobs[line.tail].order_or_holder)) {
    if (unsorted_.empty() || unsorted_.back() != job.line) unsorted_.push_back(job.line);
  }
  job.order_or_holder = order;
  job.previous = line.tail;
  job.next = no_slot;
  (line.tail == no_slot ? line.head : jobs[line.tail].next) = slot;
  line.tail = slot;
}

void Ledger::sort_lines() {
  std::ranges::sort(unsorted_);
  unsorted_.erase(std::unique(unsorted_.begin(), unsorted_.end()), unsorted_.end());
  for (const std::uint32_t number : std::exchange(unsorted_, {})) {
    Line& line = lines[number];
    std::vector<Slot> slots;
    for (Slot slot = line.head; slot != no_slot; slot = jobs[slot].next) slots.push_back(slot);
    std::ranges::sort(
        slots, [this](Slot a, Slot b) { return before(jobs[a].order_or_holder, jobs[b].order_or_holder); });
    for (std::size_t i = 0; i < slots.size(); ++i) {
      jobs[slots[i]].previous = i == 0 ? no_slot : slots[i - 1];
      jobs[slots[i]].next = i + 1 == slots.size() ? no_slot : slots[i + 1];
    }
    line.head = slots.front();
    line.tail = slots.back();
  }
}

}  // namespace joinery::broker
