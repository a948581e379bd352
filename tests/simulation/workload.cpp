#include "tests/simulation/workload.h"

#include <fmt/format.h>

#include <iterator>

namespace joinery::simulation {

using namespace std::chrono_literals;

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names{"often", "seldom", "by-the-minute"};
  return names;
}

const std::vector<std::string>& queue_names() {
  static const std::vector<std::string> names{"line",  "urgent", "stack", "mail",
                                              "small", "fair",   "soon",  "loose"};
  return names;
}

std::vector<Limit> declared_limits() {
  return {{.pattern = "two", .concurrency = 2},
          {.pattern = "host:*", .concurrency = 1},
          {.pattern = "slow", .interval_ms = 200},
          {.pattern = "api", .rate = 5, .period_ms = 1000, .burst = 2}};
}

std::string payload_of(SessionId session, std::uint64_t sequence, std::size_t group, std::size_t job) {
  return fmt::format("job {} of request {}.{} of {:x}.", job, sequence, group, session.low);
}

BatchId Workload::some_batch() {
  const auto& batches = model_.batches();
  if (batches.empty()) return 0;
  return std::next(batches.begin(), static_cast<std::ptrdiff_t>(random_.below(batches.size())))->first;
}

JobId Workload::some_job() {
  const auto& jobs = model_.jobs();
  if (jobs.empty()) return 1;
  const auto recent = std::min<std::size_t>(jobs.size(), 40);
  return std::prev(jobs.end(), static_cast<std::ptrdiff_t>(1 + random_.below(recent)))->first;
}

// One that is like this; if there is none, any.
JobId Workload::some_job(ModelJob::Is is) {
  std::vector<JobId> like;
  for (const auto& [id, job] : model_.jobs()) {
    if (job.is == is && !job.gone) like.push_back(id);
  }
  return like.empty() ? some_job() : like[random_.below(like.size())];
}

protocol::Submit Workload::submit(SessionId session, std::uint64_t sequence, std::vector<Buffer>& payloads,
                                  bool under) {
  protocol::Submit submit;
  submit.sequence = sequence;
  if (random_.chance(10)) submit.flow = "flow";
  submit.park = random_.chance(60);
  if (random_.chance(40)) submit.timeout_ms = random_.below(3000);
  submit.watch = random_.chance(30);
  const auto groups = 1 + random_.below(2);
  payloads.reserve(16);
  for (std::uint64_t g = 0; g < groups; ++g) {
    Group& group = submit.groups.emplace_back();
    group.queue = queue_names()[random_.below(queue_names().size())];
    group.spec.handler = random_.chance(70) ? "a" : "b";
    group.spec.backoff = {.initial_ms = 100, .max_ms = 2000, .list_ms = {}};
    if (random_.chance(10)) group.spec.hard_timeout_ms = 500;
    if (random_.chance(10)) group.spec.result_inline_max = 100;
    if (random_.chance(40) && !submit.flow) group.batch = some_batch();
    const auto count = 1 + random_.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      Buffer& payload = payloads.emplace_back(payload_of(session, sequence, g, i));
      if (random_.chance(30)) payload.append(random_.below(1500), 'x');
      group.payloads.push_back(payload);
    }
    if (group.queue != "line" && group.queue != "stack" && random_.chance(60))
      add_columns(group, count, !under && !submit.flow);
    if (submit.flow && g != 0) group.columns.after.assign(count, {-1});
    if (group.queue == "urgent") {
      for (std::uint64_t i = 0; i < count; ++i)
        group.columns.priority.push_back(static_cast<std::int64_t>(random_.below(3)));
    }
  }
  return submit;
}

// Those that come after others are in no batch, and nothing that is in one comes after others, but in its own
// flow: else a batch would wait for a job that waits for it.
void Workload::add_columns(Group& group, std::size_t count, bool may_come_after) {
  static const std::vector<std::string> keys{"",     "free", "two", "two/host:x", "host:x",   "host:y",
                                             "slow", "held", "api", "two/api",    "held/slow"};
  static const std::vector<std::string> ordered{"account:1", "account:2"};
  const std::int64_t now_ms = now_.wall.time_since_epoch() / 1ms;
  Columns& columns = group.columns;
  group.spec.ordered = random_.chance(20);
  auto what = random_.below(6);
  if (what == 4 && (group.spec.ordered || !may_come_after)) what = 0;
  if (what == 4) group.batch = 0;
  if (what == 4 && random_.chance(50)) group.spec.after = After::finished;
  if (what == 3) group.spec.unique.on_conflict = static_cast<OnConflict>(random_.below(3));
  // Not where it takes up room for which jobs of that batch may wait.
  const bool after_batches =
      what == 4 && random_.chance(30) && !model_.batches().empty() && group.queue != "small";
  for (std::size_t i = 0; i < count; ++i) {
    const auto& from = group.spec.ordered ? ordered : keys;
    columns.key.push_back(from[random_.below(from.size())]);
    if (what == 1 || what == 4) columns.delay_ms.push_back(random_.chance(60) ? random_.below(5000) : 0);
    if (what == 2) columns.run_at_ms.push_back(now_ms + static_cast<std::int64_t>(random_.below(5000)));
    if (what == 3) columns.unique_key.push_back(fmt::format("u{}", random_.below(6)));
    if (what == 4 && !after_batches) columns.after.push_back({static_cast<std::int64_t>(some_job())});
    if (after_batches) columns.after_batches.push_back({some_batch()});
    if (what == 5)
      columns.expires_at_ms.push_back(
          random_.chance(40) ? now_ms + 1 + static_cast<std::int64_t>(random_.below(20'000)) : 0);
    if (what == 5)
      columns.deadline_ms.push_back(
          random_.chance(20) ? now_ms + static_cast<std::int64_t>(random_.below(20'000)) : 0);
  }
}

protocol::Join Workload::join(std::uint64_t request) {
  protocol::Join join;
  join.request = request;
  const auto what = random_.below(3);
  if (what == 0) join.queue = queue_names()[random_.below(queue_names().size())];
  if (what == 1) join.batch = some_batch();
  if (what == 2 || (what == 1 && join.batch == 0)) join.jobs = {some_job(), some_job()};
  return join;
}

protocol::Watch Workload::watch(std::uint64_t request) {
  return {.request = request, .jobs = {some_job(), some_job()}};
}

}  // namespace joinery::simulation
