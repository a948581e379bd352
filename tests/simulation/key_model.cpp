#include "tests/simulation/key_model.h"

#include <gtest/gtest.h>

namespace joinery::tests {

using namespace broker;

std::vector<Limit> KeyModel::limits() {
  return {{.pattern = "two", .concurrency = 2},
          {.pattern = "host:*", .concurrency = 1},
          {.pattern = "slow", .interval_ms = 500},
          {.pattern = "api", .rate = 5, .period_ms = 1000, .burst = 2},
          {.pattern = "heavy", .weight = 3}};
}

const std::vector<std::string>& KeyModel::keys() {
  static const std::vector<std::string> all{"",       "free",         "two",       "two/host:x", "host:x",
                                            "host:y", "heavy/host:y", "slow",      "api",        "two/api",
                                            "heavy",  held_node,      "held/slow", "heavy"};
  return all;
}

const std::vector<std::string>& KeyModel::ordered_keys() {
  static const std::vector<std::string> all{"account:1", "account:2", "host:z"};
  return all;
}

void KeyModel::delivered(const Core& core, Now now, JobId id) {
  const auto job = core.job(id);
  if (!job || job->key.empty()) return;
  if (core.spec(job->spec).ordered) started_ordered(core, *job);
  each_node(job->key, [&](std::string_view node) {
    for (const Limit& limit : limits()) {
      if (matches(limit.pattern, node)) started(limit, std::string(node), now);
    }
    if (node != held_node) return;
    Node& held = nodes_[held_node];
    EXPECT_GE(now.mono, held_until_) << "job " << id;
    if (held.any) {
      EXPECT_GE(now.mono, held.last + held_interval_) << "job " << id;
    }
    held.last = now.mono;
    held.any = true;
  });
  seen_.insert(id);
}

void KeyModel::started(const Limit& limit, const std::string& name, Now now) {
  Node& node = nodes_[name];
  if (limit.interval_ms != 0 && node.any) {
    EXPECT_GE(now.mono, node.last + std::chrono::milliseconds(limit.interval_ms)) << name;
  }
  if (limit.rate != 0) {
    const Duration step = Duration(std::chrono::milliseconds(limit.period_ms)) / limit.rate;
    node.full_at = std::max(node.full_at, now.mono) + step;
    EXPECT_LE(node.full_at, now.mono + step * limit.burst) << name;
  }
  node.last = now.mono;
  node.any = true;
}

// The one before it is through, whatever became of it; and of a queue without priorities or delays the
// earlier job of a handler starts first (not every worker has both handlers).
void KeyModel::started_ordered(const Core& core, const JobView& job) {
  const std::string name = std::string(job.queue_name) + '\n' + std::string(job.key);
  JobId& begun = begun_[name];
  if (begun != 0 && begun != job.id) {
    const auto before = core.job(begun);
    EXPECT_TRUE(!before || before->outcome || before->state == State::failed)
        << "job " << job.id << " starts before job " << begun << " of its key is through";
  }
  begun = job.id;
  if (job.queue_name != "in-order" || seen_.contains(job.id) || edited_.contains(job.id)) return;
  JobId& foremost = foremost_[name + '\n' + core.spec(job.spec).handler];
  EXPECT_GT(job.id, foremost);
  foremost = job.id;
}

void KeyModel::held(Now now, std::optional<std::uint64_t> interval_ms, std::optional<Wall> until) {
  if (interval_ms) held_interval_ = std::chrono::milliseconds(*interval_ms);
  if (until) held_until_ = now.mono + (*until - now.wall);
}

void KeyModel::edited(JobId id, bool moved) {
  edited_.insert(id);
  if (!moved) return;
  for (auto& [_, begun] : begun_) {
    if (begun == id) begun = 0;
  }
}

void KeyModel::check_running(const Core& core) const {
  std::map<std::string, std::uint32_t, std::less<>> running;
  for (const JobView& job : core.jobs("", State::running, 0, 1'000'000)) {
    if (!job.key.empty()) each_node(job.key, [&](std::string_view node) { ++running[std::string(node)]; });
  }
  for (const auto& [node, number] : running) {
    for (const Limit& limit : limits()) {
      if (limit.concurrency == 0 || !matches(limit.pattern, node)) continue;
      EXPECT_LE(number, limit.concurrency) << node;
    }
  }
}

}  // namespace joinery::tests
