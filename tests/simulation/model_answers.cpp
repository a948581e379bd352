// What requests are answered, and when those who wait may be told: each request has one answer, which names
// what was put for it, and a join counts its target as it was.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/model.h"

namespace joinery::simulation {

using namespace broker;

namespace {

bool same(const GroupAnswer& one, const GroupAnswer& other) {
  const auto code = [](const GroupAnswer& answer) { return answer.error ? answer.error->code : Code::ok; };
  return one.first == other.first && one.count == other.count && one.level == other.level &&
         one.no_handler == other.no_handler && one.existing == other.existing && code(one) == code(other);
}

// The last word on a request some of whose jobs were parked: a group of them may have been given up.
bool may_follow(const change::Answer& before, const change::Answer& after) {
  if (!before.parked || before.number != after.number || before.groups.size() != after.groups.size())
    return false;
  for (std::size_t i = 0; i < before.groups.size(); ++i) {
    const bool given_up = before.groups[i].put() && after.groups[i].error;
    if (!given_up && !same(before.groups[i], after.groups[i])) return false;
  }
  return true;
}

}  // namespace

void Model::on(const change::Answer& change) {
  const auto known = now_.answers.find({change.session, change.sequence});
  if (known == now_.answers.end()) {
    check_first_answer(change);
  } else if (!may_follow(known->second.second, change)) {
    throw Broken(fmt::format("request {} of {:x} gets another answer than before", change.sequence,
                             change.session.low));
  }
  now_.answers[{change.session, change.sequence}] = {deciding_->end, change};
}

// It names what its record puts, and all of that.
void Model::check_first_answer(const change::Answer& answer) const {
  if (answer.groups.empty()) return check_number(answer);
  std::map<std::uint32_t, const change::Put*> puts;
  for (const Decided::Kept& kept : deciding_->changes) {
    if (const auto* put = std::get_if<change::Put>(&kept.change)) puts[put->group] = put;
  }
  for (std::uint32_t i = 0; i < answer.groups.size(); ++i) {
    const GroupAnswer& group = answer.groups[i];
    if (group.existing && !now_.jobs.contains(group.first))
      throw Broken(fmt::format("request {} is answered with job {}, which is not there", answer.sequence,
                               group.first));
    if (!group.put()) continue;
    const auto put = puts.find(i);
    if (put == puts.end() || put->second->first != group.first || put->second->count != group.count)
      throw Broken(fmt::format("request {} is answered with {} jobs from {} on, which it did not put",
                               answer.sequence, group.count, group.first));
    puts.erase(put);
  }
  if (!puts.empty())
    throw Broken(fmt::format("job {} was put, and the answer to request {} does not say so",
                             puts.begin()->second->first, answer.sequence));
}

void Model::check_number(const change::Answer& answer) const {
  std::optional<std::uint64_t> named;
  std::uint64_t changed = 0;
  for (const Decided::Kept& kept : deciding_->changes) {
    if (const auto* opened = std::get_if<change::OpenBatch>(&kept.change)) named = opened->id;
    if (const auto* put = std::get_if<change::Put>(&kept.change)) named = put->first;
    const bool each = std::holds_alternative<change::Revive>(kept.change) ||
                      std::holds_alternative<change::Transfer>(kept.change) ||
                      std::holds_alternative<change::Update>(kept.change);
    changed += each ? 1 : 0;
  }
  if (named && answer.number != *named)
    throw Broken(
        fmt::format("request {} made {}, and is answered with {}", answer.sequence, *named, answer.number));
  if (changed != 0 && (answer.number & UINT32_MAX) != changed)  // above that: where a slice ends
    throw Broken(fmt::format("request {} changed {} jobs, and is answered with {}", answer.sequence, changed,
                             answer.number & UINT32_MAX));
}

// --- what is idle ---

bool Model::finished(BatchId id) const {
  const ModelBatch& batch = now_.batches.at(id);
  if (batch.tally.unfinished() != 0 || batch.held) return false;
  return std::ranges::all_of(
      now_.batches, [&](const auto& entry) { return entry.second.parent != id || finished(entry.first); });
}

// For those who come after it: nothing of it is unfinished, and something was, or nothing will be.
bool Model::has_ended(BatchId id) const {
  const ModelBatch& batch = now_.batches.at(id);
  if (!finished(id)) return false;
  const Tally& tally = batch.tally;
  if (batch.cancelled || batch.closed) return true;
  if (tally.succeeded + tally.failed + tally.cancelled + tally.expired != 0) return true;
  return std::ranges::any_of(
      now_.batches, [&](const auto& entry) { return entry.second.parent == id && has_ended(entry.first); });
}

std::map<BatchId, Tally> with_nested(const std::map<BatchId, ModelBatch>& batches) {
  std::map<BatchId, Tally> tallies;
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    const auto& [id, is] = *batch;
    const Tally all = tallies[id] += is.tally;
    if (is.parent != 0) tallies[is.parent] += all;
  }
  return tallies;
}

void Model::note_idle() {
  const auto note = [&](std::vector<Idle>& times, bool idle, const Tally& tally) {
    const bool was = !times.empty() && times.back().until == never;
    if (idle && !was) times.push_back({.since = deciding_->at, .since_end = deciding_->end});
    if (!idle && was) times.back().until = deciding_->at;
    if (!idle) return;
    auto& tallies = times.back().tallies;
    if (tallies.empty() || tallies.back().second != tally) tallies.emplace_back(deciding_->at, tally);
  };
  for (std::uint32_t id = 1; id < now_.queues.size(); ++id) {
    const Tally& tally = now_.queues[id].tally;
    note(now_.idle_queues[id], tally.unfinished() == 0, tally);
  }
  const auto tallies = with_nested(now_.batches);
  for (auto& [id, batch] : now_.batches) {
    note(now_.idle_batches[id], finished(id), tallies.at(id));
    batch.had_end = batch.had_end || has_ended(id);
  }
}

const std::vector<Idle>* Model::idle_times(const std::string& queue, BatchId batch) const {
  if (queue.empty()) {
    const auto known = now_.idle_batches.find(batch);
    return known == now_.idle_batches.end() ? nullptr : &known->second;
  }
  for (const auto& [id, times] : now_.idle_queues) {
    if (now_.queues[id].name == queue) return &times;
  }
  return nullptr;
}

std::optional<Position> Model::idle_since(const std::string& queue, BatchId batch, Instant since) const {
  const std::vector<Idle>* times = idle_times(queue, batch);
  if (times == nullptr) return std::nullopt;
  const auto idle = std::ranges::find_if(*times, [&](const Idle& one) { return one.until >= since; });
  return idle == times->end() ? std::nullopt : std::optional(idle->since_end);
}

// --- what a join reports ---

void Model::check_joined(const std::string& queue, BatchId batch, Instant since, const Counts& counts) const {
  const std::vector<Idle>* times = idle_times(queue, batch);
  const Tally told = tally_of(counts);
  for (const Idle& idle : times == nullptr ? std::vector<Idle>{} : *times) {
    for (std::size_t i = 0; i < idle.tallies.size(); ++i) {
      const Instant until = i + 1 == idle.tallies.size() ? idle.until : idle.tallies[i + 1].first;
      if (until >= since && idle.tallies[i].second == told) return;
    }
  }
  throw Broken(fmt::format("a join of queue '{}' batch {} reports {}, which it never was", queue, batch,
                           to_text(told)));
}

void Model::check_joined(const std::vector<JobId>& jobs, const Counts& counts) const {
  const Tally told = tally_of(counts);
  std::uint64_t known = 0;
  std::map<Outcome, std::pair<std::uint64_t, std::uint64_t>> bounds;
  for (const JobId id : jobs) {
    const ModelJob* one = job(id);
    if (one == nullptr) continue;
    ++known;
    for (const Outcome outcome : one->outcomes) {
      ++bounds[outcome].second;
      if (one->outcomes.size() == 1) ++bounds[outcome].first;
    }
  }
  const auto fits = [&](Outcome outcome, std::uint64_t number) {
    return bounds[outcome].first <= number && number <= bounds[outcome].second;
  };
  const std::uint64_t sum = told.succeeded + told.failed + told.cancelled + told.expired;
  if (sum != known || !fits(Outcome::succeeded, told.succeeded) || !fits(Outcome::failed, told.failed) ||
      !fits(Outcome::cancelled, told.cancelled) || !fits(Outcome::expired, told.expired))
    throw Broken(
        fmt::format("a join of {} jobs ({} of them known) reports {}", jobs.size(), known, to_text(told)));
}

}  // namespace joinery::simulation
