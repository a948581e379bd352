// The lists, counts and look-ups of the ledger; evolve.cpp has the changes.
#include "broker/core/ledger.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace joinery::broker {

std::uint64_t& counter(Counts& counts, State state) {
  switch (state) {
    case State::parked: return counts.parked;
    case State::scheduled: return counts.scheduled;
    case State::blocked: return counts.blocked;
    case State::ready: return counts.ready;
    case State::running: return counts.running;
    case State::failed: return counts.failed;
  }
  JOINERY_CHECK(!"a state that is not in the table");
}

std::uint64_t& counter(Counts& counts, Outcome outcome) {
  switch (outcome) {
    case Outcome::succeeded: return counts.succeeded;
    case Outcome::failed: return counts.failed;
    case Outcome::cancelled: return counts.cancelled;
    case Outcome::expired: return counts.expired;
  }
  JOINERY_CHECK(!"an outcome that is not in the table");
}

change::Answer* SessionLog::find(std::uint64_t sequence) {
  const auto found = std::ranges::lower_bound(answers, sequence, {}, &change::Answer::sequence);
  return found != answers.end() && found->sequence == sequence ? &*found : nullptr;
}

Ledger::Ledger(const Kept& kept)
    : queues(1),
      lines(1),
      finished(kept.finished),
      batches_kept_(kept.batches),
      history_bytes_most_(kept.history_bytes) {}

std::uint32_t Ledger::find_queue(std::string_view name) const {
  const std::uint32_t found =
      queue_index_.find(NameIndex::hash_of(name), [&](std::uint32_t id) { return queues[id].name == name; });
  return found == NameIndex::none ? 0 : found;
}

BatchState* Ledger::find_batch(BatchId id) {
  if (id == 0) return nullptr;
  if (recent_batch_ != nullptr && recent_batch_->id == id) return recent_batch_;
  const auto found = batches.find(id);
  return found == batches.end() ? nullptr : recent_batch_ = &found->second;
}

Holder& Ledger::holder(SessionId session, std::uint32_t& number) {
  const auto [entry, fresh] = holder_of.try_emplace(session, 0);
  if (fresh) {
    if (free_holders_.empty()) {
      free_holders_.push_back(static_cast<std::uint32_t>(holders.size()));
      holders.emplace_back();
    }
    entry->second = free_holders_.back();
    free_holders_.pop_back();
    holders[entry->second].session = session;
  }
  number = entry->second;
  return holders[number];
}

void Ledger::forget_session(SessionId session) {
  logs.erase(session);
  const auto held = holder_of.find(session);
  if (held == holder_of.end() || holders[held->second].holds != 0) return;
  holders[held->second] = Holder{};
  free_holders_.push_back(held->second);
  holder_of.erase(held);
}

std::vector<SessionId> Ledger::idle_holders() const {
  std::vector<SessionId> idle;
  for (const auto& [session, number] : holder_of) {
    if (holders[number].holds == 0) idle.push_back(session);
  }
  std::ranges::sort(idle);
  return idle;
}

Extra& Ledger::need_extra(Job& job) {
  if (job.extra == no_slot) job.extra = extras.take();
  return extras[job.extra];
}

Rare& Ledger::need_rare(Job& job) {
  Extra& extra = need_extra(job);
  if (extra.rare == no_slot) extra.rare = rares.take();
  return rares[extra.rare];
}

// --- lines ---

std::uint32_t Ledger::line_for(std::uint32_t queue, std::uint32_t handler, std::int64_t priority) {
  // Jobs of a queue are mostly for one handler. Only such lines stay: a number of others may be another's.
  std::uint32_t& recent = queues[queue].recent_line;
  if (priority == 0 && recent != 0 && lines[recent].handler == handler) return recent;
  const auto [entry, fresh] = line_by_key_.try_emplace({queue, handler, priority}, 0);
  if (fresh) entry->second = new_line({.queue = queue, .handler = handler, .priority = priority});
  if (priority == 0) recent = entry->second;
  return entry->second;
}

// `base` is the new line itself unless it is given.
std::uint32_t Ledger::new_line(const Line& line) {
  if (free_lines_.empty()) {
    free_lines_.push_back(static_cast<std::uint32_t>(lines.size()));
    lines.emplace_back();
  }
  const std::uint32_t number = free_lines_.back();
  free_lines_.pop_back();
  const std::uint32_t serial = lines[number].serial + 1;
  lines[number] = line;
  lines[number].serial = serial;
  if (line.base == 0) lines[number].base = number;
  return number;
}

// Lines of priorities come and go with their jobs; the others stay with their queue.
void Ledger::release_line(std::uint32_t number) {
  Line& line = lines[number];
  if (--line.jobs != 0 || line.priority == 0) return;
  line_by_key_.erase({line.queue, line.handler, line.priority});
  free_lines_.push_back(number);
}

// Gives a job that is in no list another queue or priority.
void Ledger::relabel(Job& job, std::uint32_t queue, std::int64_t priority) {
  const std::uint32_t old = job.line;
  job.line = line_for(queue, specs[job.spec].handler, priority);
  ++lines[job.line].jobs;
  release_line(old);
}

void Ledger::enqueue(Slot slot, bool front) {
  Job& job = jobs[slot];
  Line& line = lines[job.line];
  QueueState& queue = queues[line.queue];
  if (!offers(line)) queue.levels[line.priority].push_back(job.line);
  front = front || queue.options.mode == Mode::lifo || keeps_place(job);
  job.order_or_holder = front ? --queue.front : queue.back++;
  job.previous = front ? no_slot : line.tail;
  job.next = front ? line.head : no_slot;
  (job.previous == no_slot ? line.head : jobs[job.previous].next) = slot;
  (job.next == no_slot ? line.tail : jobs[job.next].previous) = slot;
  job.set_state(State::ready);
}

void Ledger::detach(Slot slot) {
  Job& job = jobs[slot];
  const auto unlink = [&](Slot& head, Slot* tail) {
    (job.previous == no_slot ? head : jobs[job.previous].next) = job.next;
    if (job.next != no_slot) {
      jobs[job.next].previous = job.previous;
    } else if (tail != nullptr) {
      *tail = job.previous;
    }
  };
  switch (job.get_state()) {
    case State::ready: {
      Line& line = lines[job.line];
      unlink(line.head, &line.tail);
      if (line.base != job.line) {
        leave_lane(slot);
      } else if (!offers(line)) {
        close_line(line);
      }
      break;
    }
    case State::running: {
      Holder& holder = holders[job.order_or_holder];
      unlink(holder.head, nullptr);
      --holder.holds;
      break;
    }
    case State::parked: {
      QueueState& queue = queue_of(job);
      unlink(queue.parked_head, &queue.parked_tail);
      break;
    }
    case State::scheduled:
    case State::blocked:
    case State::failed: break;
  }
  job.previous = job.next = no_slot;
}

void Ledger::hold(Slot slot, std::uint32_t number) {
  Job& job = jobs[slot];
  Holder& holder = holders[number];
  job.set_state(State::running);
  job.order_or_holder = number;
  job.previous = no_slot;
  job.next = holder.head;
  if (holder.head != no_slot) jobs[holder.head].previous = slot;
  holder.head = slot;
  ++holder.holds;
}

void Ledger::park(Slot slot) {
  Job& job = jobs[slot];
  QueueState& queue = queue_of(job);
  job.set_state(State::parked);
  job.next = no_slot;
  job.previous = queue.parked_tail;
  (queue.parked_tail == no_slot ? queue.parked_head : jobs[queue.parked_tail].next) = slot;
  queue.parked_tail = slot;
}

void Ledger::schedule(Slot slot, Wall due, Fallout& fallout) {
  Job& job = jobs[slot];
  job.set_state(State::scheduled);
  job.set_due(due);
  fallout.scheduled.push_back(job.id);
}

// For a job that is parked or blocked. A delay passes meanwhile.
void Ledger::set_due(Job& job, Wall due, Fallout& fallout) {
  need_rare(job).due = due;
  if (!job.has(flag_wall)) fallout.scheduled.push_back(job.id);
}

// A job that was parked or blocked goes into its line, or waits for its time. That of a delay has been told
// when it was put: its timer goes by the monotonic clock, and the wall clock may have been set since.
void Ledger::set_out(Slot slot, Fallout& fallout) {
  Job& job = jobs[slot];
  const Wall due = due_of(job);
  if (due == Wall{}) return enqueue(slot, false);
  schedule(slot, due, fallout);
  if (!job.has(flag_wall)) fallout.scheduled.pop_back();
}

Wall Ledger::due_of(const Job& job) const {
  switch (job.get_state()) {
    case State::scheduled: return job.due();
    case State::parked:
    case State::blocked: {
      const Rare* some = rare(job);
      return some == nullptr ? Wall{} : some->due;
    }
    case State::ready:
    case State::running:
    case State::failed: break;
  }
  return {};
}

void Ledger::ripen(Slot slot, Fallout& fallout) {
  Job& job = jobs[slot];
  if (job.get_state() != State::scheduled) {
    JOINERY_CHECK(due_of(job) != Wall{});
    rare(job)->due = Wall{};
    return;
  }
  count_out(job, fallout);
  job.clear(flag_wall);
  enqueue(slot, false);
  count_in(job, State::ready);
  fallout.ready = true;
}

// --- counts ---

void Ledger::count_out(const Job& job, Fallout& fallout) {
  const State state = job.get_state();
  QueueState& queue = queue_of(job);
  --counter(queue.counts, state);
  --counter(totals, state);
  if (state == State::ready && queue.counts.ready == 0) turn(queue);
  if (queue.parked_head != no_slot && (fallout.room_in.empty() || fallout.room_in.back() != queue.id)) {
    fallout.room_in.push_back(queue.id);
  }
  if (BatchState* batch = find_batch(job.batch)) {
    batch->count(state, -1);
    if (std::uint64_t* part = share(*batch, queue.id, state)) --*part;
  }
}

void Ledger::count_in(const Job& job, State state, std::uint64_t number) {
  QueueState& queue = queue_of(job);
  if (state == State::ready && queue.counts.ready == 0) turn(queue);
  counter(queue.counts, state) += number;
  counter(totals, state) += number;
  BatchState* batch = find_batch(job.batch);
  if (batch == nullptr) return;
  batch->count(state, static_cast<std::int64_t>(number));
  if (std::uint64_t* part = share(*batch, queue.id, state)) *part += number;
  if (!batch->busy && state != State::failed && state != State::parked) begin(*batch);
  if (batch->settled != 0) settled_.erase(std::exchange(batch->settled, 0));
}

void Ledger::turn(QueueState& queue) {
  if (!std::exchange(queue.turned, true)) turned.push_back(queue.id);
}

void Ledger::count_outcome(const Job& job, Outcome outcome, Fallout& fallout) {
  QueueState& queue = queue_of(job);
  ++counter(queue.counts, outcome);
  ++counter(totals, outcome);
  if (queue.counts.unfinished() == 0) fallout.queues_done.push_back(queue.id);
  if (BatchState* batch = find_batch(job.batch)) {
    batch->count(outcome, 1);
    if (batch->finished()) settled(*batch, fallout);
  }
}

// --- forgetting ---

void Ledger::tell(const Job& job, Outcome outcome, const Failure* failure, Fallout& fallout) {
  if (!job.has(flag_watched)) return;
  effect::JobOutcome told{.job = job.id, .outcome = outcome, .token = job.token(), .failure = {}};
  if (failure != nullptr) told.failure = *failure;
  if (outcome == Outcome::cancelled) told.failure.code = Code::cancelled;
  if (outcome == Outcome::expired) told.failure.code = Code::expired;
  if (outcome == Outcome::succeeded) told.failure.code = Code::ok;
  fallout.ended.push_back({std::move(told), queue_of(job).options.durability});
}

void Ledger::forget(Slot slot, Fallout& fallout) {
  Job& job = jobs[slot];
  fallout.released.push_back(job.place());
  if (job.extra != no_slot) {
    let_go(job, false, false, fallout);
    Extra& extra = extras[job.extra];
    free_claim(job);
    keys.remove(extra.key);
    if (extra.rare != no_slot) rares.give(extra.rare);
    extras.give(job.extra);
  }
  release_line(job.line);
  release_spec(job.spec);
  index.erase(job.id);
  jobs.give(slot);
}

void Ledger::use_spec(SpecId id, std::uint64_t number) {
  SpecState& spec = specs[id];
  spec.jobs += number;
  if (spec.idle != 0) idle_specs.erase(std::exchange(spec.idle, 0));
}

void Ledger::release_spec(SpecId id) {
  SpecState& spec = specs[id];
  if (--spec.jobs != 0) return;
  spec.idle = ++stamp_;
  idle_specs.emplace(spec.idle, id);
}

std::size_t Ledger::memory_bytes() const {
  std::size_t sum = jobs.memory_bytes() + index.memory_bytes() + extras.memory_bytes() + rares.memory_bytes();
  sum += keys.memory_bytes() + handlers.memory_bytes();
  sum += finished.entries().capacity() * sizeof(FinishedRing::Entry);
  sum += history_bytes_;
  sum += lane_by_key_.size() * 32 + held_nodes.size() * 128;
  sum += lines.capacity() * sizeof(Line) + queues.size() * sizeof(QueueState);
  sum += batches.size() * (sizeof(BatchState) + 32) + specs.size() * sizeof(SpecState);
  return sum;
}

}  // namespace joinery::broker
