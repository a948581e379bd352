// What each change does to the ledger.
#include <algorithm>
#include <utility>

#include "broker/core/ledger.h"
#include "shared/base/check.h"

namespace joinery::broker {
namespace {

constexpr std::size_t fetched_ahead = 12;  // places of the index, of the keys of a Put

bool finishable(State state) { return state != State::failed && state != State::parked; }

}  // namespace

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

bool Ledger::on(const change::Put& put, Fallout& fallout, std::uint64_t position) {
  if (put.queue == 0 || put.queue >= queues.size() || put.spec >= specs.size()) return false;
  if (put.first < next_job || put.count != put.sizes.size() || put.count == 0) return false;
  if (!put.due.empty() && put.due.size() != put.count) return false;
  if (put.columns != nullptr && !note_names(*put.columns)) return false;
  next_job = put.first + put.count;
  const std::uint32_t handler = specs[put.spec].handler;
  const std::uint32_t line = line_for(put.queue, handler, 0);
  const bool by_priority = queues[put.queue].options.mode == Mode::priority && put.columns != nullptr &&
                           !put.columns->priority.empty();
  const std::uint64_t accepted_ms = to_ms(put.at);
  const auto batch = static_cast<std::uint32_t>(put.batch);
  std::uint32_t scheduled = 0;
  std::uint32_t blocked = 0;
  for (std::uint32_t i = 0; i < put.count; ++i) {
    const Slot slot = jobs.take();
    Job& job = jobs[slot];
    job.id = put.first + i;
    job.position = position;
    job.accepted_ms = accepted_ms & 0xffff'ffff'ffffULL;
    job.size = put.sizes[i];
    job.line = by_priority ? line_for(put.queue, handler, put.columns->priority[i]) : line;
    job.spec = put.spec;
    job.batch = batch;
    position += job.size;
    index.insert(job.id, slot);
    ++lines[job.line].jobs;
    if (put.parent != 0) need_extra(job).parent = put.parent;
    if (put.columns != nullptr) put_columns(job, put, i, fallout);
    const Wall due = put.due.empty() ? Wall{} : put.due[i];
    if (put.parked) {
      if (due > put.at) set_due(job, due, fallout);
      park(slot);
    } else if (waits(job)) {
      if (due > put.at) set_due(job, due, fallout);
      job.set_state(State::blocked);
      ++blocked;
    } else if (due > put.at) {
      schedule(slot, due, fallout);
      ++scheduled;
    } else {
      enqueue(slot, false);
    }
  }
  use_spec(put.spec, put.count);
  const Job counted{.line = line, .batch = batch};
  if (scheduled != 0) count_in(counted, State::scheduled, scheduled);
  if (blocked != 0) count_in(counted, State::blocked, blocked);
  if (const std::uint32_t rest = put.count - scheduled - blocked; rest != 0)
    count_in(counted, put.parked ? State::parked : State::ready, rest);
  fallout.ready = true;
  return true;
}

// Before a Put. False: they are none of ours.
bool Ledger::note_names(const Columns& columns) {
  const auto too_long = [](const std::string& name) { return name.size() > Interner::name_max; };
  if (std::ranges::any_of(columns.key, too_long) || std::ranges::any_of(columns.unique_key, too_long))
    return false;
  key_hashes_.clear();
  for (const std::string& key : columns.key) key_hashes_.push_back(NameIndex::hash_of(key));
  return true;
}

void Ledger::put_columns(Job& job, const change::Put& put, std::size_t i, Fallout& fallout) {
  const Columns& columns = *put.columns;
  if (i < columns.run_at_ms.size() && columns.run_at_ms[i] != 0) job.set(flag_wall);
  if (i < columns.expires_at_ms.size() && columns.expires_at_ms[i] != 0) {
    need_rare(job).expires = Wall(std::chrono::milliseconds(columns.expires_at_ms[i]));
    fallout.expiring.push_back(job.id);
  }
  if (i < columns.key.size() && !columns.key[i].empty()) {
    if (i + fetched_ahead < columns.key.size()) {
      const std::uint32_t hash = key_hashes_[i + fetched_ahead];
      __builtin_prefetch(keys.place_of(hash));
      __builtin_prefetch(keys.place_of(hash, NameIndex::probed));
    }
    need_extra(job).key = keys.add(columns.key[i], key_hashes_[i]);
  }
  if (i < columns.unique_key.size() && !columns.unique_key[i].empty()) {
    claim(job, columns.unique_key[i], put.at);
  }
  if (i < columns.after.size() || i < columns.after_batches.size()) wait_for(job, columns, i, fallout);
  if (i < columns.deadline_ms.size() && columns.deadline_ms[i] != 0) {
    need_rare(job).deadline = Wall(std::chrono::milliseconds(columns.deadline_ms[i]));
    fallout.expiring.push_back(job.id);
  }
}

bool Ledger::on(const change::Admit& admit, Fallout& fallout, std::uint64_t) {
  for (JobId id = admit.first; id < admit.first + admit.count; ++id) {
    const Slot slot = find(id);
    if (slot == no_slot || jobs[slot].get_state() != State::parked) return false;
    Job& job = jobs[slot];
    detach(slot);
    count_out(job, fallout);
    if (waits(job)) {
      job.set_state(State::blocked);
    } else {
      set_out(slot, fallout);
    }
    count_in(job, job.get_state());
    if (rare(job) != nullptr) fallout.expiring.push_back(id);
  }
  fallout.ready = true;
  return true;
}

bool Ledger::on(const change::Answer& answer, Fallout&, std::uint64_t) {
  SessionLog& log = logs[answer.session];
  // At recovery: the session was forgotten, which is not recorded, and came anew.
  if (answer.sequence <= log.last_sequence && log.find(answer.sequence) == nullptr) log = SessionLog{};
  log.last_sequence = std::max(log.last_sequence, answer.sequence);
  log.confirmed = std::max(log.confirmed, answer.confirmed);
  while (!log.answers.empty() && log.answers.front().sequence <= log.confirmed) log.answers.pop_front();
  if (change::Answer* known = log.find(answer.sequence)) {
    *known = answer;
  } else if (answer.sequence > log.confirmed) {
    log.answers.push_back(answer);
  }
  for (const GroupAnswer& group : answer.groups) {
    if (answer.parked && group.put()) {
      parked[group.first] = {group.count, answer.session, answer.sequence};
    } else if (group.put()) {
      parked.erase(group.first);  // the last word
    }
  }
  return true;
}

bool Ledger::on(const change::Start& start, Fallout& fallout, std::uint64_t) {
  return evolve_start(start.worker, start.runs, fallout);
}

bool Ledger::evolve_start(SessionId worker, std::span<const Run> runs, Fallout& fallout) {
  std::uint32_t number = 0;
  holder(worker, number);
  for (const Run& run : runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      const Slot slot = find(id);
      if (slot == no_slot) return false;
      // A scheduled one has ripened, which is not recorded.
      const State state = jobs[slot].get_state();
      if (state != State::ready && state != State::scheduled) return false;
      start_delivery(slot, run.attempt, run.epoch, number, fallout);
    }
  }
  return true;
}

// A delivery to the holder of this number.
void Ledger::start_delivery(Slot slot, std::uint32_t attempt, std::uint32_t of_epoch, std::uint32_t number,
                            Fallout& fallout) {
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  if (job.extra != no_slot && specs[job.spec].spec.unique.until == UniqueUntil::started) free_claim(job);
  job.attempt = attempt;
  job.epoch = of_epoch;
  job.set(flag_begun);
  hold(slot, number);
  count_in(job, State::running);
}

bool Ledger::on(const change::Finish& finish, Fallout& fallout, std::uint64_t) {
  Failure why;
  why.message = finish.why;
  for (const Run& run : finish.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      const Slot slot = find(id);
      if (slot == no_slot || !finishable(jobs[slot].get_state())) return false;
      const Job& job = jobs[slot];
      const bool ghost = is_ghost(job);
      if (!ghost) count_out(job, fallout);
      detach(slot);
      if (!ghost) count_outcome(job, finish.outcome, fallout);
      finished.put(id, job.attempt, job.epoch, finish.outcome);
      tell(job, finish.outcome, finish.why.empty() ? nullptr : &why, fallout);
      if (job.has(flag_awaited)) resolve(false, id, finish.outcome == Outcome::succeeded, fallout);
      if (ghost) lay(job, fallout);
      remember(job, finish.outcome, finish.at, finish.why, fallout);
      forget(slot, fallout);
    }
  }
  return true;
}

bool Ledger::on(const change::Requeue& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.token.job);
  if (slot == no_slot || jobs[slot].get_state() != State::running) return false;
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  let_go(job, true, change.lost || change.kind == Report::Kind::crashed, fallout);
  job.clear(flag_cancelling);
  if (change.lost || change.kind != Report::Kind::released) {
    Rare& rare = need_rare(job);
    const bool crashed = change.kind == Report::Kind::crashed;
    ++(change.lost ? rare.losses : crashed ? rare.crashes : rare.failures);
    rare.failure = std::make_unique<Failure>(change.failure);
  }
  if (change.due == Wall{}) {
    enqueue(slot, true);
    fallout.ready = true;
  } else {
    job.clear(flag_wall);
    schedule(slot, change.due, fallout);
  }
  count_in(job, job.get_state());
  return true;
}

bool Ledger::on(const change::Bury& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.token.job);
  if (slot == no_slot || jobs[slot].get_state() != State::running) return false;
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  const bool crashed = change.failure.code == Code::process_died;
  const bool lost = change.failure.code == Code::worker_lost;
  let_go(job, false, crashed || lost, fallout);
  job.clear(flag_cancelling);
  job.set_state(State::failed);
  Rare& rare = need_rare(job);
  ++(lost ? rare.losses : crashed ? rare.crashes : rare.failures);
  rare.failure = std::make_unique<Failure>(change.failure);
  rare.due = change.at;
  dead.insert(job.id);
  if (specs[job.spec].spec.unique.until != UniqueUntil::succeeded) free_claim(job);
  count_outcome(job, Outcome::failed, fallout);
  finished.put(job.id, job.attempt, job.epoch, Outcome::failed);
  tell(job, Outcome::failed, rare.failure.get(), fallout);
  job.clear(flag_watched);
  if (job.has(flag_awaited)) resolve(false, job.id, false, fallout);
  job.clear(flag_awaited);
  return true;
}

bool Ledger::on(const change::Revive& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.job);
  if (slot == no_slot || jobs[slot].get_state() != State::failed) return false;
  Job& job = jobs[slot];
  Rare& rare = need_rare(job);
  rare.failures = rare.crashes = rare.losses = 0;
  rare.expires = rare.deadline = never_wall;
  rare.due = Wall{};
  dead.erase(job.id);
  count_out(job, fallout);
  finished.erase(job.id);
  job.clear(flag_begun);
  enqueue(slot, false);
  count_in(job, State::ready);
  fallout.ready = true;
  return true;
}

bool Ledger::on(const change::Drop& change, Fallout& fallout, std::uint64_t) {
  for (JobId id = change.first; id < change.first + change.count; ++id) {
    const Slot slot = find(id);
    if (slot == no_slot) return false;
    const Job& job = jobs[slot];
    if (job.get_state() == State::parked) {
      count_out(job, fallout);
      detach(slot);
      if (job.has(flag_awaited)) resolve(false, id, false, fallout);
      if (job.has(flag_watched)) {  // by others: whoever put it gets another answer
        fallout.ended.push_back({{.job = id, .token = {}, .failure = {}, .known = false}});
      }
      if (BatchState* batch = find_batch(job.batch)) settled(*batch, fallout);
    } else if (job.get_state() == State::failed) {  // stays counted as failed
      dead.erase(id);
      remember(job, Outcome::failed, change.at, {}, fallout);
    } else {
      return false;
    }
    forget(slot, fallout);
  }
  return true;
}

bool Ledger::on(const change::Move& change, Fallout&, std::uint64_t position) {
  Job* moved = job(change.job);
  if (moved == nullptr || moved->size != change.size) return false;
  moved->position = position;
  return true;
}

bool Ledger::on(const change::Cancelling& change, Fallout&, std::uint64_t) {
  for (const Run& run : change.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      Job* running = job(id);
      if (running == nullptr || running->get_state() != State::running) return false;
      running->set(flag_cancelling);
    }
  }
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
