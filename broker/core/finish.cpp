// What became of deliveries: successes in runs, reports one by one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "broker/core/impl.h"

namespace joinery::broker {
namespace {

// A good enough mixer; what matters is that it is the same everywhere (splitmix64).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e37'79b9'7f4a'7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

void Core::Impl::on(Now now, const Finish& command, Effects& effects) {
  Session* worker = require_worker(command.session, command.sequence, effects);
  if (worker == nullptr) return;
  effect::Acked acked{command.session, command.sequence, {}, false};
  finish_runs(now, *worker, command, acked.refused, acked.durable, effects);
  std::uint32_t group = 0;
  for (const CoreReport& reported : command.reports) {
    const Token token = reported.report->token;
    const Job* job = ledger.job(token.job);
    if (job == nullptr || job->get_state() != State::running || !job->is(token)) {
      acked.refused.push_back(token);
    } else {
      acked.durable = acked.durable || ledger.queue_of(*job).options.durability == Durability::sync;
      report(now, *worker, reported, group, effects);
    }
    group += static_cast<std::uint32_t>(reported.children.size());
  }
  effects.effects.push_back(std::move(acked));
  dispatch_wanted = true;
}

// The parts of the runs that are not stale, as one change.
void Core::Impl::finish_runs(Now now, Session& worker, const Finish& command, std::vector<Token>& refused,
                             bool& durable, Effects& effects) {
  change::Finish finish{.outcome = Outcome::succeeded, .at = now.wall, .runs = {}, .why = {}};
  for (const Run& run : command.succeeded) {
    if (run.count > limits::jobs_per_frame_max) {  // nobody holds so many; the count is nonsense
      refused.push_back({run.first, run.attempt, run.epoch});
      continue;
    }
    Run good{run.first, 0, run.attempt, run.epoch};
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      const Job* job = ledger.job(id);
      if (job != nullptr && job->get_state() == State::running && job->is({id, run.attempt, run.epoch})) {
        if (!durable) durable = ledger.queue_of(*job).options.durability == Durability::sync;
        ++good.count;
        continue;
      }
      refused.push_back({id, run.attempt, run.epoch});
      if (good.count != 0) finish.runs.push_back(good);
      good.first = id + 1;
      good.count = 0;
    }
    if (good.count == 0) continue;
    finish.runs.push_back(good);
  }
  if (finish.runs.empty()) return;
  drop_repetitions(finish.runs, refused);
  for (const Run& run : finish.runs) worker.succeeded += run.count;
  record(std::move(finish), effects);
}

// A frame that names the same delivery twice must not finish it twice.
void Core::Impl::drop_repetitions(std::vector<Run>& runs, std::vector<Token>& refused) {
  const auto overlap = [](const Run& a, const Run& b) { return b.first < a.first + a.count; };
  if (std::ranges::is_sorted(runs, {}, &Run::first) &&
      std::adjacent_find(runs.begin(), runs.end(), overlap) == runs.end()) {
    return;
  }
  std::ranges::stable_sort(runs, {}, &Run::first);
  JobId end = 0;
  for (Run& run : runs) {
    while (run.count != 0 && run.first < end) {
      refused.push_back({run.first, run.attempt, run.epoch});
      ++run.first;
      --run.count;
    }
    end = std::max(end, run.first + run.count);
  }
  std::erase_if(runs, [](const Run& run) { return run.count == 0; });
}

void Core::Impl::report(Now now, Session& worker, const CoreReport& reported, std::uint32_t group,
                        Effects& effects) {
  const Report& report = *reported.report;
  const Job& job = *ledger.job(report.token.job);
  const bool cancelling = job.has(flag_cancelling);
  if (report.kind == Report::Kind::succeeded) {
    if (const auto error = check_children(job, reported.children)) {
      ++worker.failed;
      const Failure failure{error->code, "refused children", error->message, worker.info.name, {}};
      return cancelling ? end_stopped(now, job, effects) : bury(now, job, failure, effects);
    }
    children(now, job, reported.children, group, effects);
    ++worker.succeeded;
    return end(now, Outcome::succeeded, {job.id}, effects);
  }
  if (report.kind == Report::Kind::released && !cancelling) {
    return record(change::Requeue{.token = report.token, .failure = {}}, effects);
  }
  if (cancelling || report.kind == Report::Kind::cancelled) return end_stopped(now, job, effects);
  ++worker.failed;
  fail_delivery(now, job, report, effects);
}

// Two of a kind are no mistake, and none is what comes too late for a cancelled batch.
std::optional<Error> Core::Impl::check_children(const Job& parent, std::span<const PutGroup> groups) {
  std::vector<JobId> frame;
  for (PutGroup child : groups) {
    if (child.batch == 0 && ledger.find_batch(parent.batch) != nullptr) child.batch = parent.batch;
    auto error = check_submitted(child);
    if (error && error->code != Code::duplicate_job && !cancelled(child.batch)) return error;
    if (!error) error = resolve_after(child, frame, ledger.next_job);
    if (error && error->field.starts_with("columns.after")) return error;
    frame.resize(frame.size() + child.sizes.size(), parent.id);  // known in any case
  }
  return std::nullopt;
}

// In the same record as the finish of their parent, so that a batch never looks finished between the two.
void Core::Impl::children(Now now, const Job& parent, std::span<const PutGroup> groups, std::uint32_t group,
                          Effects& effects) {
  const JobId parent_id = parent.id;
  const BatchId batch = parent.batch;
  std::vector<JobId> frame;  // as in Submit
  for (PutGroup child : groups) {
    const std::uint32_t index = group++;
    const std::size_t place = frame.size();
    frame.resize(place + child.sizes.size());
    if (child.parent == 0) child.parent = parent_id;
    if (child.batch == 0 && ledger.find_batch(batch) != nullptr) child.batch = batch;
    if (check_submitted(child) || resolve_after(child, std::span(frame).first(place), ledger.next_job))
      continue;
    // One that is there already is what its parent wanted.
    const std::uint32_t queue = need_queue(child.queue, effects);
    const Result<JobId> existing = settle_conflicts(now, child, queue, effects);
    if (!existing) continue;
    const JobId first = *existing != 0 ? *existing : put(now, child, queue, index, false, effects);
    for (std::size_t i = place; i < frame.size(); ++i) frame[i] = first + (i - place);
  }
}

void Core::Impl::fail_delivery(Now now, const Job& job, const Report& report, Effects& effects) {
  const Spec& spec = ledger.specs[job.spec].spec;
  const Rare* rare = ledger.rare(job);
  const std::uint32_t failures = (rare == nullptr ? 0 : rare->failures) + 1;
  const std::uint32_t crashes = (rare == nullptr ? 0 : rare->crashes) + 1;
  const bool crashed = report.kind == Report::Kind::crashed;
  const bool last = report.kind == Report::Kind::rejected ||
                    (report.kind == Report::Kind::failed &&
                     std::ranges::find(spec.no_retry, report.failure.type) != spec.no_retry.end()) ||
                    (crashed ? crashes >= spec.crash_attempts : failures >= spec.attempts);
  if (last) return bury(now, job, report.failure, effects);
  const Wall due = crashed ? Wall{} : backoff_until(now, job, failures);
  record(change::Requeue{.token = report.token, .kind = report.kind, .due = due, .failure = report.failure},
         effects);
}

void Core::Impl::bury(Now now, const Job& job, const Failure& failure, Effects& effects) {
  record(change::Bury{job.token(), now.wall, failure}, effects);
}

// A running job that was told to stop, and did.
void Core::Impl::end_stopped(Now now, const Job& job, Effects& effects) {
  const Rare* rare = ledger.rare(job);
  const bool late = rare != nullptr && rare->deadline <= now.wall;
  const auto why = cancelled_why_.extract(job.id);
  end(now, late ? Outcome::expired : Outcome::cancelled, {job.id}, effects,
      late || why.empty() ? std::string() : why.mapped());
}

void Core::Impl::end(Now now, Outcome outcome, std::vector<JobId> jobs, Effects& effects,
                     const std::string& why) {
  std::ranges::sort(jobs);
  change::Finish finish{.outcome = outcome, .at = now.wall, .runs = {}, .why = why};
  for (JobId id : jobs) {
    const Job& job = *ledger.job(id);
    if (!finish.runs.empty()) {
      Run& last = finish.runs.back();
      if (last.first + last.count == id && last.attempt == job.attempt && last.epoch == job.epoch) {
        ++last.count;
        continue;
      }
    }
    finish.runs.push_back({id, 1, job.attempt, job.epoch});
  }
  if (!finish.runs.empty()) record(std::move(finish), effects);
}

Wall Core::Impl::backoff_until(Now now, const Job& job, std::uint32_t failures) const {
  const Backoff& backoff = ledger.specs[job.spec].spec.backoff;
  const std::vector<std::uint32_t>& list = backoff.list_ms;
  const double plain =
      !list.empty()
          ? list[std::min<std::size_t>(failures, list.size()) - 1]
          : std::min(backoff.initial_ms * std::pow(double{backoff.factor}, std::min(failures - 1, 64U)),
                     double(backoff.max_ms));
  const double random =
      static_cast<double>(mix(options.seed ^ mix(job.id ^ mix(job.attempt))) >> 11U) * 0x1p-53;
  const double jittered = plain * (1.0 + (random * 2 - 1) * double{backoff.jitter});
  return now.wall + Duration(static_cast<std::int64_t>(jittered * 1000.0));
}

}  // namespace joinery::broker
