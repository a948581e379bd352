// Changes by which jobs come: put, admitted to a queue that was full, and answered.
#include <algorithm>

#include "broker/core/ledger.h"

namespace joinery::broker {
namespace {

constexpr std::size_t fetched_ahead = 12;  // places of the index, of the keys of a Put

}  // namespace

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

}  // namespace joinery::broker
