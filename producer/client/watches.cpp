#include "producer/client/watches.h"

#include <algorithm>

namespace joinery::client {
namespace {

constexpr std::size_t recent_max = 65'536;
constexpr std::size_t recent_bytes_max = 16U << 20U;  // of results
constexpr std::size_t jobs_per_watch = 16'384;

std::size_t size_of(const JobOutcome& outcome) { return outcome.result ? outcome.result->size() : 0; }

}  // namespace

void Watches::submitted(JobId first, std::uint32_t count, bool ask) {
  for (JobId job = first; job < first + count; ++job) {
    watched_.insert(job);
    if (ask) to_ask_.push_back(job);
  }
}

void Watches::wait(Now now, const std::vector<JobId>& jobs, std::optional<Mono> deadline, Done done) {
  auto waiter = std::make_shared<Waiter>();
  waiter->outcomes.resize(jobs.size());
  waiter->created = now.mono;
  waiter->deadline = deadline;
  waiter->done = std::move(done);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const JobId job = jobs[i];
    waiter->outcomes[i].job = job;
    if (const auto known = recent_.find(job); known != recent_.end()) {
      waiter->outcomes[i] = known->second;
      continue;
    }
    ++waiter->missing;
    const bool asked = watched_.contains(job) || waiting_.contains(job);
    if (!asked) to_ask_.push_back(job);
    waiting_.emplace(job, Place{waiter, i});
  }
  if (waiter->missing == 0) return waiter->done(std::move(waiter->outcomes));
  waiters_.push_back(std::move(waiter));
}

void Watches::welcomed() {
  to_ask_.assign(watched_.begin(), watched_.end());
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    const JobId job = each->first;
    if (!watched_.contains(job)) to_ask_.push_back(job);
    each = waiting_.equal_range(job).second;
  }
  std::sort(to_ask_.begin(), to_ask_.end());
}

void Watches::take(protocol::Outcomes& outcomes) {
  for (protocol::JobOutcome& each : outcomes.jobs) {
    JobOutcome outcome;
    outcome.job = each.job;
    outcome.known = each.known;
    outcome.outcome = each.outcome;
    outcome.token = {each.job, each.attempt, each.epoch};
    outcome.failure = std::move(each.failure);
    if (each.result) outcome.result.emplace(*each.result);
    learn(outcome);
  }
}

void Watches::learn(const JobOutcome& outcome) {
  const bool watched = watched_.erase(outcome.job) > 0;
  const auto [first, end] = waiting_.equal_range(outcome.job);
  std::vector<Place> places;
  for (auto each = first; each != end; ++each) places.push_back(each->second);
  waiting_.erase(first, end);
  if (watched) remember(outcome);
  // First, so that who waits for a job finds that its outcome was told.
  if (watched && on_outcome) on_outcome(outcome);
  for (const Place& place : places) {
    place.waiter->outcomes[place.index] = outcome;
    if (--place.waiter->missing > 0) continue;
    std::erase(waiters_, place.waiter);
    place.waiter->done(std::move(place.waiter->outcomes));
  }
}

void Watches::remember(const JobOutcome& outcome) {
  const auto [place, first_time] = recent_.try_emplace(outcome.job);
  if (first_time) recent_order_.push_back(outcome.job);
  recent_bytes_ += size_of(outcome) - size_of(place->second);
  place->second = outcome;
  while (recent_order_.size() > recent_max || recent_bytes_ > recent_bytes_max) {
    const auto oldest = recent_.find(recent_order_.front());
    recent_bytes_ -= size_of(oldest->second);
    recent_.erase(oldest);
    recent_order_.pop_front();
  }
}

void Watches::ask(Now now) {
  while (!to_ask_.empty()) {
    const std::size_t number = std::min(to_ask_.size(), jobs_per_watch);
    const auto from = to_ask_.end() - static_cast<std::ptrdiff_t>(number);
    protocol::Watch watch;
    watch.request = session_.number();
    watch.jobs.assign(from, to_ask_.end());
    if (!session_.tell(now, watch)) return;
    to_ask_.erase(from, to_ask_.end());
  }
}

void Watches::fail(const std::shared_ptr<Waiter>& waiter, const Error& error) {
  for (const JobOutcome& each : waiter->outcomes) {
    const auto [first, end] = waiting_.equal_range(each.job);
    for (auto place = first; place != end;) {
      place = place->second.waiter == waiter ? waiting_.erase(place) : std::next(place);
    }
  }
  std::erase(waiters_, waiter);
  waiter->done(std::unexpected(error));
}

void Watches::fail_all(const Error& error) {
  while (!waiters_.empty()) fail(std::shared_ptr(waiters_.back()), error);
}

void Watches::tick(Now now) {
  if (session_.live()) ask(now);
  std::vector<std::shared_ptr<Waiter>> late;
  for (const auto& waiter : waiters_) {
    const bool over = waiter->deadline && now.mono >= *waiter->deadline;
    if (over || session_.given_up(now, waiter->created)) late.push_back(waiter);
  }
  for (const auto& waiter : late) {
    fail(waiter, session_.live() ? Error{Code::timed_out, "the jobs did not finish in time", {}}
                                 : session_.unreachable());
  }
}

Mono Watches::next_deadline() const {
  Mono next = never_mono;
  for (const auto& waiter : waiters_) {
    if (waiter->deadline) next = std::min(next, *waiter->deadline);
    next = std::min(next, session_.give_up_at(waiter->created));
  }
  return next;
}

}  // namespace joinery::client
