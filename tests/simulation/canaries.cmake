# Bugs that the simulator must notice: for each the file, the text of it that is replaced in a copy, and by what.
# canary(NAME) is true while the bug of that name is planted. The product is built from the file itself and knows
# nothing of this.
plant(broker/journal/segment_files.cpp
  [[return file_ ? file_->sync() : Result<>{};]]
  [[return file_ && !canary("an fsync left out") ? file_->sync() : Result<>{};]])
plant(broker/journal/segment_files.cpp
  [[if (names_changed_) {]]
  [[if (names_changed_ && !canary("an fsync of the directory left out")) {]])
plant(broker/journal/log_writer.cpp
  [[if (auto done = (*file)->write_at(job_->file, 0); !done) return done;
    return (*file)->sync();]]
  [[if (auto done = (*file)->write_at(job_->file, 0); !done) return done;
    return canary("a checkpoint not synced") ? Result<>{} : (*file)->sync();]])
plant(broker/server/outgoing.cpp
  [[if (needs <= durable_) return sessions_.send(*session, frame_);]]
  [[if (needs <= durable_ || canary("an answer before its fsync")) return sessions_.send(*session, frame_);]])
plant(broker/server/outgoing.cpp
  [[if (delivery.level == Durability::sync)]]
  [[if (delivery.level == Durability::sync && !canary("a start before its put"))]])
plant(broker/core/finish.cpp
  [[job->get_state() == State::running && job->is({id, run.attempt, run.epoch})]]
  [[job->get_state() == State::running && (canary("a fence not checked") || job->is({id, run.attempt, run.epoch}))]])
plant(broker/core/sessions.cpp
  [[if (known->gone_at > now.mono) return set_session_timer(*known, known->gone_at);]]
  [[if (canary("a lease that never ends") && known->role == Role::worker) return;
  if (known->gone_at > now.mono) return set_session_timer(*known, known->gone_at);]])
plant(broker/core/core.cpp
  [[const bool fits = impl_->ledger.evolve(change, impl_->fallout, position);]]
  [[const auto* put = std::get_if<change::Put>(&change);
  if (canary("children dropped on a crash") && put != nullptr && put->parent != 0) return {};
  if (canary("a cancelled batch forgotten on a restart") && std::holds_alternative<change::CancelBatch>(change)) return {};
  const bool fits = impl_->ledger.evolve(change, impl_->fallout, position);]])
plant(broker/core/waiting.cpp
  [[queue.counts.unfinished() != 0) continue;]]
  [[queue.counts.unfinished() > (canary("a join that counts too early") ? 1 : 0)) continue;]])
plant(broker/core/waiting.cpp
  [[effects.effects.push_back(effect::Joined{waiter.session, waiter.request, counts, durable});]]
  [[Counts told_counts = counts;
  if (canary("a join that leaves dead letters out")) told_counts.failed = 0;
  effects.effects.push_back(effect::Joined{waiter.session, waiter.request, told_counts,
                                           durable && !canary("a join before its fsync")});]])
plant(broker/core/waiting.cpp
  [[if (const auto known = outcome_of(id)) ++counter(join.counts, known->outcome);]]
  [[if (const auto known = outcome_of(id); known && !canary("a join that forgets what had ended"))
        ++counter(join.counts, known->outcome);]])
plant(broker/core/waiting.cpp
  [[told->outcomes.push_back(ended.outcome);]]
  [[told->outcomes.push_back(ended.outcome);
  if (canary("an outcome told as a success")) told->outcomes.back().outcome = Outcome::succeeded;]])
plant(broker/core/dependencies.cpp
  [[return batch == nullptr || batch->ended;]]
  [[return batch == nullptr || batch->ended || canary("a batch that nobody waits for");]])
plant(broker/core/schedules.cpp
  [[schedule.next = change.next;]]
  [[if (!canary("a time of a schedule that comes twice")) schedule.next = change.next;]])
plant(broker/core/submit.cpp
  [[    answer(*known, effects);
  }]]
  [[    change::Answer told = *known;
    const change::Answer* other = log->second.find(sequence - 1);
    if (canary("a repeated request that gets the answer of another") && other != nullptr && other->groups.size() != 0)
      told.groups = other->groups;
    answer(told, effects);
  }]])
plant(broker/core/submit.cpp
  [[      effect::Accepted{answer.session, answer.sequence, answer.groups, durable, answer.number});]]
  [[      effect::Accepted{answer.session, answer.sequence, answer.groups, durable, answer.number});
  if (canary("an answer that names the jobs in reverse"))
    std::ranges::reverse(std::get<effect::Accepted>(effects.effects.back()).groups);]])
plant(broker/core/gates.cpp
  [[return limit == nullptr ? 0 : limit->concurrency;]]
  [[const bool more = canary("a key limit off by one") && limit != nullptr && limit->concurrency != 0;
  return limit == nullptr ? 0 : limit->concurrency + (more ? 1 : 0);]])
plant(broker/core/gates.cpp
  [[if (const Duration apart = interval(gate); apart.count() != 0) gate.next_at]]
  [[if (const Duration apart = interval(gate); apart.count() != 0 && !canary("an interval not kept")) gate.next_at]])
plant(broker/core/gates.cpp
  [[gate.full_at = std::max(gate.full_at, now.mono) + step(gate);]]
  [[gate.full_at = std::max(gate.full_at, now.mono) + (canary("a rate not counted") ? Duration{0} : step(gate));]])
plant(broker/core/gates.cpp
  [[if (held->second.until > now.wall) rest.held_until]]
  [[if (held->second.until > now.wall && !canary("a hold forgotten")) rest.held_until]])
plant(broker/core/gates.cpp
  [[rest.held_until = held->second.until > now.wall ? now.mono + (held->second.until - now.wall) : Mono{};]]
  [[if (!canary("a hold forgotten"))
    rest.held_until = held->second.until > now.wall ? now.mono + (held->second.until - now.wall) : Mono{};]])
plant(broker/core/lanes.cpp
  [[return job.has(flag_begun) &&]]
  [[return !canary("a turn not kept") && job.has(flag_begun) &&]])
plant(broker/core/submit.cpp
  [[if (log == ledger.logs.end() || sequence > log->second.last_sequence) return false;]]
  [[if (canary("a submission accepted twice")) return false;
  if (log == ledger.logs.end() || sequence > log->second.last_sequence) return false;]])
plant(broker/core/evolve_deliveries.cpp
  [[enqueue(slot, true);
    fallout.ready = true;]]
  [[enqueue(slot, !canary("a retry at the wrong end"));
    fallout.ready = true;]])
plant(broker/core/evolve_deliveries.cpp
  [[count_in(job, job.get_state());
  return true;
}

bool Ledger::on(const change::Bury& change]]
  [[if (!canary("a counter that drifts") || !change.lost) count_in(job, job.get_state());
  return true;
}

bool Ledger::on(const change::Bury& change]])
plant(broker/core/snapshot_write.cpp
  [[out_.put(std::uint64_t{ledger_.logs.size()});
  for (const auto& [session, log] : ledger_.logs) {]]
  [[out_.put(std::uint64_t{canary("a checkpoint without its answers") ? 0 : ledger_.logs.size()});
  for (const auto& [session, log] : ledger_.logs) {
    if (canary("a checkpoint without its answers")) break;]])
plant(broker/core/schedules.cpp
  [[const Overlap overlap = state.is.overlap;
  const auto still]]
  [[Overlap overlap = state.is.overlap;
  if (canary("a schedule that overlaps")) overlap = Overlap::allow;
  const auto still]])
plant(broker/core/schedules.cpp
  [[if (!runs.empty() && (overlap == Overlap::skip ||]]
  [[if (canary("a time skipped for nothing") && overlap == Overlap::skip && !state.runs.empty())
    return fail(Code::invalid_state, "it had a job before", "schedule");
  if (!runs.empty() && (overlap == Overlap::skip ||]])
plant(broker/core/schedules.cpp
  [[    cancel(now, runs, Duration{5'000'000}, effects,]]
  [[    if (!canary("a job that is not replaced")) cancel(now, runs, Duration{5'000'000}, effects,]])
plant(broker/core/schedules.cpp
  [[if (!runs.empty()) {
    Columns& columns]]
  [[if (!runs.empty() && !canary("a scheduled job that waits for none before it")) {
    Columns& columns]])
plant(broker/timetable/missed.cpp
  [[schedule.catch_up == CatchUp::all ?]]
  [[schedule.catch_up == CatchUp::all || canary("more made up for than the last time") ?]])
plant(broker/core/history.cpp
  [[if (queue.history.bytes() > queue.options.history_bytes) trim_history]]
  [[if (queue.history.bytes() > queue.options.history_bytes && !canary("a history that outgrows its queue")) trim_history]])
plant(broker/core/history.cpp
  [[  ledger.trim_history(queue, now.wall - age);]]
  [[  if (!canary("a history that does not age")) ledger.trim_history(queue, now.wall - age);]])
plant(broker/core/history.cpp
  [[  trim_history(queues[change.queue], change.before);]]
  [[  if (!canary("a history that is not purged")) trim_history(queues[change.queue], change.before);]])
plant(broker/core/history.cpp
  [[      .attempt = std::min<std::uint32_t>(job.attempt, UINT16_MAX),]]
  [[      .attempt = canary("a history of other attempts") && job.attempt > 1 ? 1 : job.attempt,]])
plant(broker/core/history_views.cpp
  [[  Fallout none;
  add_history(]]
  [[  if (canary("a history lost in a checkpoint")) return;
  Fallout none;
  add_history(]])
