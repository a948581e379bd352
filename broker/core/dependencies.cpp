// Jobs that come after others: what a put names, what an outcome frees, and what it breaks.
#include "broker/core/dependencies.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

// --- in the ledger ---

// What has its outcome already is not waited for, but may have been a bad one.
void Ledger::wait_for(Job& job, const Columns& columns, std::size_t i, Fallout& fallout) {
  auto waits = std::make_unique<Waits>();
  const bool needs_success = specs[job.spec].spec.after == After::succeeded;
  const auto add = [&](Waits::For first) {
    first.done = ended(first);
    if (!first.done) {
      if (!first.batch) this->job(first.id)->set(flag_awaited);
      ++waits->left;
      dependents.add(first, job.id);
    } else if (needs_success && waits->broken.id == 0 && !ended_well(first)) {
      waits->broken = first;
    }
    waits->all.push_back(first);
  };
  if (i < columns.after.size()) {
    for (std::int64_t id : columns.after[i]) add({.id = static_cast<JobId>(id), .batch = false});
  }
  if (i < columns.after_batches.size()) {
    for (BatchId id : columns.after_batches[i]) add({.id = id, .batch = true});
  }
  if (waits->all.empty()) return;
  if (waits->broken.id != 0) fallout.broken.push_back(job.id);
  need_rare(job).waits = std::move(waits);
}

bool Ledger::ended(const Waits::For& first) const {
  if (first.batch) {
    const BatchState* batch = find_batch(first.id);
    return batch == nullptr || batch->ended;
  }
  const Job* before = job(first.id);
  return before == nullptr || before->get_state() == State::failed;
}

bool Ledger::ended_well(const Waits::For& first) const {
  if (first.batch) {
    const BatchState* batch = find_batch(first.id);
    return batch == nullptr || batch->all_succeeded();
  }
  const FinishedRing::Entry* entry = finished.find(first.id);
  return entry == nullptr || entry->outcome == Outcome::succeeded;
}

bool Ledger::waits(const Job& job) const {
  const Rare* some = rare(job);
  return some != nullptr && some->waits != nullptr && !some->waits->over();
}

// A job or batch has its outcome. Whoever needed a better one is told to the decider; whoever waits for
// nothing else any more goes on.
void Ledger::resolve(bool is_batch, std::uint64_t id, bool good, Fallout& fallout) {
  for (JobId waiting : dependents.take(is_batch, id)) {
    const Slot slot = find(waiting);
    if (slot == no_slot || is_ghost(jobs[slot])) continue;
    Job& job = jobs[slot];
    const Rare* some = rare(job);
    Waits* waits = some == nullptr ? nullptr : some->waits.get();
    if (waits == nullptr || job.get_state() == State::failed) continue;
    for (Waits::For& first : waits->all) {
      if (first.done || first.batch != is_batch || first.id != id) continue;
      first.done = true;
      --waits->left;
    }
    if (!good && specs[job.spec].spec.after == After::succeeded && waits->broken.id == 0) {
      waits->broken = {.id = id, .batch = is_batch, .done = true};
      fallout.broken.push_back(waiting);
    }
    if (waits->over() && job.get_state() == State::blocked) unblock(slot, fallout);
  }
}

void Ledger::unblock(Slot slot, Fallout& fallout) {
  Job& job = jobs[slot];
  count_out(job, fallout);
  set_out(slot, fallout);
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

Error unknown(bool batch, std::uint64_t id) {
  return {batch ? Code::unknown_batch : Code::unknown_job,
          fmt::format("there is no {} {}, or it finished so long ago that it was forgotten",
                      batch ? "batch" : "job", id),
          batch ? "columns.after_batches" : "columns.after"};
}

}  // namespace

// Turns -n into the id of the nth job of the frame, and checks that all are known. `frame`: the ids of the
// jobs of the groups before, 0 for one that was refused. `first`: what the group's first job will be.
std::optional<Error> Core::Impl::resolve_after(PutGroup& group, std::span<const JobId> frame, JobId first) {
  if (group.columns == nullptr || (group.columns->after.empty() && group.columns->after_batches.empty()))
    return std::nullopt;
  Columns& columns = column_buffers_.emplace_back(*group.columns);
  group.columns = &columns;
  for (std::size_t i = 0; i < columns.after.size(); ++i) {
    for (std::int64_t& id : columns.after[i]) {
      if (id > 0) {
        const auto job = static_cast<JobId>(id);
        if (ledger.find(job) == no_slot && ledger.finished.find(job) == nullptr) return unknown(false, job);
        continue;
      }
      const auto place = static_cast<std::uint64_t>(-(id + 1));
      JobId named = 0;
      if (id != 0 && place < frame.size()) named = frame[place];
      if (id != 0 && place >= frame.size() && place - frame.size() < i)
        named = first + (place - frame.size());  // before it in its own group
      if (named == 0) {
        return Error{
            Code::invalid_argument,
            fmt::format("columns.after is {}, expected a job that was accepted, or -n for one that comes "
                        "before in the frame",
                        id),
            "columns.after"};
      }
      id = static_cast<std::int64_t>(named);
    }
  }
  for (const auto& ids : columns.after_batches) {
    for (BatchId id : ids) {
      if (auto error = check_after_batch(group, id)) return error;
    }
  }
  return std::nullopt;
}

// A job cannot come after a batch that it keeps from being finished.
std::optional<Error> Core::Impl::check_after_batch(const PutGroup& group, BatchId id) const {
  if (ledger.find_batch(id) == nullptr) return unknown(true, id);
  for (BatchId own = group.batch; own != 0;) {
    if (own == id)
      return Error{Code::invalid_argument,
                   fmt::format("columns.after_batches is {}, which the job itself belongs to", id),
                   "columns.after_batches"};
    const BatchState* batch = ledger.find_batch(own);
    own = batch == nullptr ? 0 : batch->parent;
  }
  return std::nullopt;
}

// What comes after a job that did not succeed never runs: it ends as cancelled, with the reason; and so on. A
// job that this very command put is left for the next tick, when its payload has its place; and so are those
// that are too many for one record.
void Core::Impl::end_broken(Effects& effects) {
  constexpr std::size_t most = 10'000;
  std::size_t ended = 0;
  while (!fallout.broken.empty()) {
    for (JobId id : std::exchange(fallout.broken, {})) {
      const Job* job = ledger.job(id);
      if (job == nullptr || job->get_state() == State::running || ledger.is_ghost(*job)) continue;
      if (id >= first_new_ || ended >= most) {
        broken_later_.push_back(id);
        continue;
      }
      if (job->get_state() == State::parked) admit_jobs(std::span(&id, 1), effects);
      const Waits::For& first = ledger.rare(*job)->waits->broken;
      change::Finish finish{.outcome = Outcome::cancelled, .at = now_.wall, .runs = {}, .why = {}};
      finish.runs.push_back({id, 1, job->attempt, job->epoch});
      finish.why = first.batch
                       ? fmt::format("batch {}, which comes first, did not succeed as a whole", first.id)
                       : fmt::format("job {}, which comes first, did not succeed", first.id);
      record(std::move(finish), effects);
      ++ended;
    }
  }
}

// The jobs whose results its handler is given.
std::vector<JobId> Core::inputs(JobId id) const {
  std::vector<JobId> ids;
  const Job* job = impl_->ledger.job(id);
  const Rare* rare = job == nullptr ? nullptr : impl_->ledger.rare(*job);
  if (rare == nullptr || rare->waits == nullptr) return ids;
  for (const Waits::For& first : rare->waits->all) {
    if (!first.batch) ids.push_back(first.id);
  }
  return ids;
}

}  // namespace joinery::broker
