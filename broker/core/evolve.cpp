// What each change does to the ledger; those by which jobs come are in evolve_puts.cpp, and those by which
// they are run and end in evolve_deliveries.cpp.
#include <algorithm>

#include "broker/core/ledger.h"

namespace joinery::broker {

bool Ledger::evolve(const Change& change, Fallout& fallout, std::uint64_t position) {
  return std::visit([&](const auto& one) { return on(one, fallout, position); },
                    static_cast<const Change::variant&>(change));
}

bool Ledger::on(const change::Epoch& change, Fallout&, std::uint64_t) {
  if (change.epoch <= epoch) return false;
  epoch = change.epoch;
  next_job = std::max(next_job, change.next_job);
  next_batch = std::max(next_batch, change.next_batch);
  return true;
}

bool Ledger::on(const change::Queue& change, Fallout& fallout, std::uint64_t) {
  if (change.id == 0 || change.id > queues.size()) return false;
  if (change.id == queues.size()) {
    if (find_queue(change.name) != 0) return false;
    queue_index_.insert(NameIndex::hash_of(change.name), change.id);
    queues.emplace_back();
    queues.back().id = change.id;
    queues.back().name = change.name;
  }
  QueueState& queue = queues[change.id];
  if (queue.name != change.name) return false;
  queue.options = change.options;
  any_defaults = any_defaults || !queue.options.defaults.empty();
  queue.paused = change.paused;
  queue.paused_by = change.paused_by;
  queue.pause_reason = change.pause_reason;
  queue.paused_since = change.paused_since;
  if (queue.parked_head != no_slot) fallout.room_in.push_back(queue.id);
  const bool keeps = queue.options.history_age_ms != 0;
  trim_history(queue, keeps ? Wall::min() : Wall::max());
  queue.history.aged_at = never_wall;
  fallout.remembered.push_back(queue.id);
  fallout.ready = true;
  return true;
}

bool Ledger::on(const change::DefineSpec& change, Fallout&, std::uint64_t) {
  if (change.id > specs.size() || change.spec.handler.size() > Interner::name_max) return false;
  if (change.id == specs.size()) specs.emplace_back();
  SpecState& spec = specs[change.id];
  if (spec.jobs != 0) return false;
  if (spec.idle != 0) {
    idle_specs.erase(spec.idle);
    handlers.remove(spec.handler);
  }
  spec = {.spec = change.spec, .handler = handlers.add(change.spec.handler), .jobs = 0, .idle = ++stamp_};
  idle_specs.emplace(spec.idle, change.id);
  return true;
}

bool Ledger::on(const change::OpenBatch& change, Fallout& fallout, std::uint64_t) {
  if (change.id != next_batch || change.parent >= change.id) return false;
  ++next_batch;
  BatchState& batch = batches[change.id];
  batch.id = change.id;
  batch.name = change.name;
  batch.opened_at = change.at;
  batch.parent = change.parent;
  batch.held = change.held;
  batch.outer = find_batch(change.parent);
  if (batch.outer != nullptr) batch.outer->children.push_back(change.id);
  if (batch.held) {
    begin(batch);
  } else {
    settled(batch, fallout);
  }
  return true;
}

bool Ledger::on(const change::Move& change, Fallout&, std::uint64_t position) {
  Job* moved = job(change.job);
  if (moved == nullptr || moved->size != change.size) return false;
  moved->position = position;
  return true;
}

bool Ledger::on(const change::Update& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.job);
  if (slot == no_slot) return false;
  Job& job = jobs[slot];
  State state = job.get_state();
  if (state != State::ready && state != State::scheduled && state != State::blocked) return false;
  if (change.priority && *change.priority != lines[job.line].priority) {
    if (state == State::ready) detach(slot);
    relabel(job, queue_of(job).id, *change.priority);
    if (state == State::ready) enqueue(slot, false);
  }
  if (!change.due) return true;
  job.clear(flag_wall);
  if (*change.due != Wall{}) job.set(flag_wall);
  if (state == State::blocked) return need_rare(job).due = *change.due, true;
  count_out(job, fallout);
  detach(slot);
  if (*change.due == Wall{}) {
    enqueue(slot, false);
    fallout.ready = true;
  } else {
    schedule(slot, *change.due, fallout);
  }
  count_in(job, job.get_state());
  return true;
}

bool Ledger::on(const change::Transfer& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.job);
  if (slot == no_slot || change.queue == 0 || change.queue >= queues.size()) return false;
  Job& job = jobs[slot];
  const State state = job.get_state();
  if (state == State::running || state == State::parked) return false;
  const bool by_priority = queues[change.queue].options.mode == Mode::priority;
  const std::int64_t priority = by_priority ? lines[job.line].priority : 0;
  const Unique& unique = specs[job.spec].spec.unique;
  const std::uint32_t key = job.extra == no_slot ? 0 : extras[job.extra].unique;
  const bool claims_move = key != 0 && unique.scope == UniqueScope::queue;
  if (claims_move) claims.free({queue_of(job).id, key}, job.id);
  count_out(job, fallout);
  if (state != State::failed) {  // the order is that of its new queue from now on
    let_go(job, false, false, fallout);
    job.clear(flag_begun);
  }
  const std::uint32_t from = queue_of(job).id;
  if (state == State::ready) detach(slot);
  relabel(job, change.queue, priority);
  if (state == State::ready) enqueue(slot, false);
  if (claims_move) claims.take({change.queue, key}, {.job = job.id});
  count_in(job, state);
  if (BatchState* batch = find_batch(job.batch)) settled(*batch, fallout);
  if (queues[from].counts.unfinished() == 0) fallout.queues_done.push_back(from);
  fallout.ready = true;
  return true;
}

bool Ledger::on(const change::SetLimit& change, Fallout& fallout, std::uint64_t) {
  fallout.limits = true;
  if (change.removed) return limits.erase(change.limit.pattern) != 0;
  limits[change.limit.pattern] = change.limit;
  return true;
}

bool Ledger::on(const change::HoldKey& change, Fallout& fallout, std::uint64_t) {
  fallout.nodes.push_back(change.node);
  held_nodes[change.node] = change;
  return true;
}

}  // namespace joinery::broker
