// What keys and the order of a queue allow, at each start.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "tests/simulation/model.h"

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;
using std::chrono::milliseconds;

void Model::check_started() const {
  check_order();
  check_limits();
}

// What started went before what still waits: among those of a queue that a worker and the limits cannot tell
// apart.
void Model::check_order() const {
  using Like = std::tuple<std::uint32_t, std::string, std::string, bool>;
  const auto like = [](const ModelJob& job) {
    return Like(job.queue, job.spec->handler, job.key, job.spec->ordered);
  };
  struct Last {
    const ModelJob* job = nullptr;
    std::pair<std::int64_t, std::int64_t> rank;
  };
  std::map<Like, Last> last;
  for (const JobId id : started_) {
    const ModelJob& job = now_.jobs.at(id);
    const std::pair rank(job.priority, job.order);
    Last& known = last[like(job)];
    if (job.spec->ordered && job.token.attempt > 1) continue;  // it kept its place, whatever came since
    if (job.plain && (known.job == nullptr || rank > known.rank)) known = {&job, rank};
  }
  for (const auto& [id, job] : now_.jobs) {
    if (job.is != Is::waiting || !job.plain) continue;
    const auto known = last.find(like(job));
    if (known == last.end() || known->second.job == nullptr) continue;
    if (std::pair(job.priority, job.order) < known->second.rank)
      throw Broken(fmt::format("it starts before its turn: {}, rank {}.{}; next was: {}, rank {}.{}",
                               describe(known->second.job->id), known->second.rank.first,
                               known->second.rank.second, describe(id), job.priority, job.order));
  }
}

// The ordered job that had its turn before is through, whatever became of it.
void Model::check_turn(ModelJob& job) {
  JobId& turn = now_.turns[fmt::format("{}/{}", job.queue, job.key)];
  if (const auto before = now_.jobs.find(turn); turn != job.id && before != now_.jobs.end()) {
    const ModelJob& other = before->second;
    if (other.keeps_turn && other.queue == job.queue && (other.is == Is::waiting || other.is == Is::running))
      throw Broken(fmt::format("job {} starts before another of its key is through, and they are ordered: {}",
                               job.id, describe(turn)));
  }
  turn = job.id;
  job.keeps_turn = true;
}

std::map<std::string, std::uint32_t> Model::running_by_node() const {
  std::map<std::string, std::uint32_t> running;
  for (const auto& [id, job] : now_.jobs) {
    if (job.is != Is::running || job.key.empty()) continue;
    each_node(job.key, [&](std::string_view node) { ++running[std::string(node)]; });
  }
  return running;
}

Limit Model::limit_of(const std::string& node) const {
  if (const auto own = now_.limits.find(node); own != now_.limits.end()) return own->second;
  for (const Limit& limit : declared_) {
    if (matches(limit.pattern, node)) return limit;
  }
  return {};
}

void Model::check_limits() const {
  const auto running = running_by_node();
  for (const JobId id : started_) {
    const ModelJob& job = now_.jobs.at(id);
    if (job.key.empty()) continue;
    each_node(job.key, [&](std::string_view view) {
      const std::string node(view);
      const std::uint32_t most = limit_of(node).concurrency;
      if (most != 0 && running.at(node) > most)
        throw Broken(fmt::format("{} jobs of {} run, and only {} may: job {} started last", running.at(node),
                                 node, most, id));
    });
  }
}

// Intervals, rates and holds, at each start of the record.
void Model::check_times(const Decided& decided) {
  for (const JobId id : started_) {
    const ModelJob& job = now_.jobs.at(id);
    if (job.key.empty()) continue;
    each_node(job.key, [&](std::string_view node) { check_time(job, std::string(node), decided.now); });
  }
}

void Model::check_time(const ModelJob& job, const std::string& name, Now now) {
  const Limit limit = limit_of(name);
  const auto held = now_.holds.find(name);
  ModelNode& node = nodes_[name];
  Duration interval = milliseconds(limit.interval_ms);
  if (held != now_.holds.end()) {
    if (held->second.interval.count() != 0) interval = held->second.interval;
    if (held->second.epoch == now_.epoch && now.mono < held->second.until)
      throw Broken(fmt::format("job {} starts while {} is held", job.id, name));
  }
  if (node.last && now.mono < *node.last + interval)
    throw Broken(fmt::format("job {} starts {} us after the last one of {}, and the interval is {} us",
                             job.id, (now.mono - *node.last).count(), name, interval.count()));
  node.last = now.mono;
  if (limit.rate == 0) return;
  const Duration step = Duration(milliseconds(limit.period_ms)) / limit.rate;
  node.full_at = std::max(node.full_at, now.mono) + step;
  if (node.full_at > now.mono + step * limit.burst)
    throw Broken(fmt::format("job {} starts above the rate of {}", job.id, name));
}

// What a job is told that waits for its key is the truth.
void Model::compare_keys(const Core& core, Now now) const {
  const auto running = running_by_node();
  for (const auto& [id, job] : now_.jobs) {
    if (job.is != Is::waiting || job.key.empty()) continue;
    const auto wait = core.key_wait(now, id);
    if (!wait || wait->ordered || wait->most == 0) continue;
    const auto counted = running.find(wait->node);
    const std::uint32_t number = counted == running.end() ? 0 : counted->second;
    if (wait->running != number)
      throw Broken(fmt::format("job {} waits for {}, of which {} run, says the core; counted again: {}", id,
                               wait->node, wait->running, number));
  }
}

}  // namespace joinery::simulation
