// Jobs that come after others: what a put names, what an outcome frees, and what it breaks.
#include "broker/core/dependencies.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

// --- in the ledger ---

// What has its outcome already is not waited for; whether it was a good one is the decider's question.
void Ledger::wait_for(Job& job, const Columns& columns, std::size_t i) {
  auto waits = std::make_unique<Waits>();
  const auto add = [&](Waits::For first) {
    if (first.batch) {
      const BatchState* batch = find_batch(first.id);
      first.done = batch == nullptr || batch->ended;
    } else {
      Job* before = this->job(first.id);
      first.done = before == nullptr || before->get_state() == State::failed;
      if (!first.done) before->set(flag_awaited);
    }
    if (!first.done) {
      ++waits->left;
      dependents.add(first, job.id);
    }
    waits->all.push_back(first);
  };
  if (i < columns.after.size()) {
    for (std::int64_t id : columns.after[i]) add({static_cast<JobId>(id), false, false});
  }
  if (i < columns.after_batches.size()) {
    for (BatchId id : columns.after_batches[i]) add({id, true, false});
  }
  if (!waits->all.empty()) need_extra(job).waits = std::move(waits);
}

bool Ledger::waits(const Job& job) const {
  const Extra* some = extra(job);
  return some != nullptr && some->waits != nullptr && some->waits->left != 0;
}

// A job or batch has its outcome. Whoever wanted a better one is told to the decider; whoever waits for nothing
// else any more goes on.
void Ledger::resolve(bool is_batch, std::uint64_t id, bool good, Fallout& fallout) {
  for (JobId waiting : dependents.take(is_batch, id)) {
    const Slot slot = find(waiting);
    if (slot == no_slot || is_ghost(jobs[slot])) continue;
    Job& job = jobs[slot];
    Extra* some = job.extra == no_slot ? nullptr : &extras[job.extra];
    if (some == nullptr || some->waits == nullptr || job.get_state() == State::failed) continue;
    for (Waits::For& first : some->waits->all) {
      if (first.done || first.batch != is_batch || first.id != id) continue;
      first.done = true;
      --some->waits->left;
    }
    if (!good && specs[job.spec].spec.after == After::succeeded) {
      fallout.broken.push_back({waiting, is_batch, id});
    } else if (some->waits->left == 0 && job.get_state() == State::blocked) {
      unblock(slot, fallout);
    }
  }
}

void Ledger::unblock(Slot slot, Fallout& fallout) {
  Job& job = jobs[slot];
  count_out(job, fallout);
  if (const Wall due = extras[job.extra].due; due != Wall{}) {
    schedule(slot, due, fallout);
  } else {
    enqueue(slot, false);
  }
  count_in(job, job.get_state());
  fallout.ready = true;
}

void Ledger::restore_waits(JobId id, const Waits& waits) {
  for (const Waits::For& first : waits.all) {
    if (!first.done) dependents.add(first, id);
  }
}

// --- decisions ---

namespace {

Error unknown(bool batch, std::int64_t id) {
  return {batch ? Code::unknown_batch : Code::unknown_job,
          fmt::format("there is no {} {}, or it finished so long ago that it was forgotten",
                      batch ? "batch" : "job", id),
          batch ? "columns.after_batches" : "columns.after"};
}

}  // namespace

// Turns -n into the id of the nth job of the frame, and checks that all are known. `frame`: the ids so far, 0
// for a job that was refused.
std::optional<Error> Core::Impl::resolve_after(PutGroup& group, std::span<const JobId> frame) {
  if (group.columns == nullptr || (group.columns->after.empty() && group.columns->after_batches.empty()))
    return std::nullopt;
  Columns& columns = column_buffers_.emplace_back(*group.columns);
  group.columns = &columns;
  for (auto& ids : columns.after) {
    for (std::int64_t& id : ids) {
      if (id < 0) {
        const auto place = static_cast<std::uint64_t>(-(id + 1));
        if (place >= frame.size() || frame[place] == 0) {
          return Error{Code::invalid_argument,
                       fmt::format("columns.after is {}, expected a job of the frame that comes before its group "
                                   "and was accepted",
                                   id),
                       "columns.after"};
        }
        id = static_cast<std::int64_t>(frame[place]);
      }
      const auto job = static_cast<JobId>(id);
      if (ledger.find(job) == no_slot && ledger.finished.find(job) == nullptr) return unknown(false, id);
    }
  }
  for (const auto& ids : columns.after_batches) {
    for (BatchId id : ids) {
      if (ledger.find_batch(id) == nullptr) return unknown(true, static_cast<std::int64_t>(id));
      for (BatchId own = group.batch; own != 0;) {
        if (own == id)
          return Error{Code::invalid_argument,
                       fmt::format("columns.after_batches is {}, which the job itself belongs to", id),
                       "columns.after_batches"};
        const BatchState* batch = ledger.find_batch(own);
        own = batch == nullptr ? 0 : batch->parent;
      }
    }
  }
  return std::nullopt;
}

// Jobs that were put after something that had ended badly before.
void Core::Impl::break_late(const change::Put& put) {
  if (put.columns == nullptr || ledger.specs[put.spec].spec.after == After::finished) return;
  const auto check = [&](JobId id, const Waits::For& first) {
    if (!first.done) return;
    bool good = true;
    if (first.batch) {
      const BatchState* batch = ledger.find_batch(first.id);
      good = batch == nullptr || batch->all_succeeded();
    } else {
      const FinishedRing::Entry* entry = ledger.finished.find(first.id);
      good = entry == nullptr || entry->outcome == Outcome::succeeded;
    }
    if (!good) fallout.broken.push_back({id, first.batch, first.id});
  };
  for (JobId id = put.first; id < put.first + put.count; ++id) {
    const Extra* extra = ledger.extra(*ledger.job(id));
    if (extra == nullptr || extra->waits == nullptr) continue;
    for (const Waits::For& first : extra->waits->all) check(id, first);
  }
}

// What comes after a job that failed never runs: it ends as cancelled, with the reason; and so on.
void Core::Impl::end_broken(Effects& effects) {
  while (!fallout.broken.empty()) {
    for (const Fallout::Broken& broken : std::exchange(fallout.broken, {})) {
      const Job* job = ledger.job(broken.job);
      if (job == nullptr || job->get_state() == State::running) continue;
      if (job->get_state() == State::parked) admit_jobs(std::span(&broken.job, 1), effects);
      const char* why = broken.batch ? "{} {}, which comes first, did not succeed as a whole"
                                     : "{} {}, which comes first, did not succeed";
      change::Finish finish{.outcome = Outcome::cancelled, .at = now_.wall, .runs = {}, .why = {}};
      finish.runs.push_back({broken.job, 1, job->attempt, job->epoch});
      finish.why = fmt::format(fmt::runtime(why), broken.batch ? "batch" : "job", broken.first);
      record(std::move(finish), effects);
    }
  }
}

// The jobs whose results its handler is given.
std::vector<JobId> Core::inputs(JobId id) const {
  std::vector<JobId> ids;
  const Job* job = impl_->ledger.job(id);
  const Extra* extra = job == nullptr ? nullptr : impl_->ledger.extra(*job);
  if (extra == nullptr || extra->waits == nullptr) return ids;
  for (const Waits::For& first : extra->waits->all) {
    if (!first.batch) ids.push_back(first.id);
  }
  return ids;
}

}  // namespace joinery::broker
