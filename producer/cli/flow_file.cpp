#include "producer/cli/flow_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "shared/config/config.h"

namespace joinery::cli {
namespace {

using std::chrono::milliseconds;

// Jobs behind those that they come after. Not by recursion: a chain may be as long as a flow.
class Order {
 public:
  explicit Order(std::vector<FlowJob>& jobs) : jobs_(jobs), missing_(jobs.size()), followers_(jobs.size()) {
    for (std::size_t i = 0; i < jobs.size(); ++i) places_[jobs[i].name] = i;
  }

  Result<std::vector<FlowJob>> sorted() {
    if (auto known = count_missing(); !known) return std::unexpected(known.error());
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      if (missing_[i] == 0) order.push_back(i);
    for (std::size_t n = 0; n < order.size(); ++n) {
      for (const std::size_t follower : followers_[order[n]])
        if (--missing_[follower] == 0) order.push_back(follower);
    }
    if (order.size() < jobs_.size())
      return std::unexpected(wrong_field("jobs", "come after each other in a circle: " + circle()));
    std::vector<FlowJob> out;
    for (const std::size_t i : order) out.push_back(std::move(jobs_[i]));
    return out;
  }

 private:
  Result<> count_missing() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      for (const std::string& name : jobs_[i].after) {
        const auto before = places_.find(name);
        if (before == places_.end())
          return std::unexpected(wrong_field("jobs." + jobs_[i].name + ".after",
                                             fmt::format("names \"{}\", and there is no such job", name)));
        followers_[before->second].push_back(i);
        ++missing_[i];
      }
    }
    return {};
  }

  // From one of those that are left to one before it, until one is met again: "a after b after a".
  std::string circle() const {
    std::vector<std::size_t> way;
    auto at = static_cast<std::size_t>(
        std::ranges::find_if(missing_, [](std::size_t number) { return number != 0; }) - missing_.begin());
    while (std::ranges::find(way, at) == way.end()) {
      way.push_back(at);
      const auto left = std::ranges::find_if(
          jobs_[at].after, [&](const std::string& name) { return missing_[places_.at(name)] != 0; });
      at = places_.at(*left);
    }
    std::string text;
    for (auto one = std::ranges::find(way, at); one != way.end(); ++one) text += jobs_[*one].name + " after ";
    return text + jobs_[at].name;
  }

  std::vector<FlowJob>& jobs_;
  std::map<std::string, std::size_t> places_;
  std::vector<std::size_t> missing_;  // of each: how many before it have no place yet
  std::vector<std::vector<std::size_t>> followers_;
};

// How long from now a job waits at least, whatever comes before it.
milliseconds own_wait(const SubmitOptions& options, Wall now) {
  milliseconds wait = options.delay.value_or(milliseconds(0));
  if (options.run_at) wait = std::max(wait, std::chrono::ceil<milliseconds>(*options.run_at - now));
  constexpr milliseconds most = std::chrono::days(36'499);
  return std::clamp(wait, milliseconds(0), most);
}

struct Planned {
  FlowJob* job = nullptr;
  milliseconds start{0};  // from now, if each job runs as soon as it may and takes no time
};

// Until the job that is given the result starts, and a day for what is in between. What a job says itself
// holds, unless it is too short by the plan.
Result<> keep_result(const Planned& before, const Planned& next) {
  using std::chrono::seconds;
  Spec& spec = before.job->options.spec;
  if (!before.job->keeps_result || spec.result_ttl_s == 0) {
    const seconds kept = std::chrono::ceil<seconds>(next.start) + std::chrono::days(1);
    spec.result_ttl_s = std::max(spec.result_ttl_s, static_cast<std::uint32_t>(kept.count()));
    spec.said->add(SpecOption::result_ttl_s);
    return {};
  }
  const milliseconds needed = next.start - before.start;
  if (seconds(spec.result_ttl_s) > needed) return {};
  return std::unexpected(wrong_field(
      "jobs." + before.job->name + ".keep_result",
      fmt::format("is {}, expected more than {}: so much later jobs.{}, which is given the result, may start",
                  config::format_duration(seconds(spec.result_ttl_s)), config::format_duration(needed),
                  next.job->name)));
}

// `jobs`: behind those that they come after.
Result<> keep_inputs(std::vector<FlowJob>& jobs, Wall now) {
  std::map<std::string, Planned> plan;
  for (FlowJob& job : jobs) {
    Planned& planned = plan[job.name] = {&job, own_wait(job.options, now)};
    for (const std::string& name : job.after) planned.start = std::max(planned.start, plan.at(name).start);
    if (!job.options.spec.inputs) continue;
    for (const std::string& name : job.after)
      if (auto kept = keep_result(plan.at(name), planned); !kept) return kept;
  }
  return {};
}

}  // namespace

Result<Flow> parse_flow(const Json& file, const Settings& settings, Wall now) {
  if (!file.is_object()) return std::unexpected(wrong_field("flow", "is no JSON object"));
  for (const auto& [key, _] : file.items()) {
    if (key != "name" && key != "jobs")
      return std::unexpected(Error{Code::unknown_field,
                                   fmt::format("flow: there is no key \"{}\"; it has name, jobs", key), key});
  }
  const Json& named = member(file, "jobs");
  if (named.is_null()) return std::unexpected(wrong_field("jobs", "is missing: an object of jobs by name"));
  if (!named.is_object()) return std::unexpected(wrong_field("jobs", "is no object of jobs by name"));
  if (named.empty()) return std::unexpected(wrong_field("jobs", "is empty: a flow has at least one job"));
  if (named.size() > limits::jobs_per_frame_max)
    return std::unexpected(wrong_field(
        "jobs", fmt::format("has {} jobs, expected at most {}", named.size(), limits::jobs_per_frame_max)));
  Flow flow;
  if (file.contains("name")) {
    if (auto taken = read_field(file["name"], "name", flow.name); !taken)
      return std::unexpected(taken.error());
  }
  std::vector<FlowJob> jobs;
  for (const auto& [name, map] : named.items()) {
    auto job = parse_flow_job(name, map, settings, now);
    if (!job) return std::unexpected(job.error());
    jobs.push_back(std::move(*job));
  }
  auto sorted = Order(jobs).sorted();
  if (!sorted) return std::unexpected(sorted.error());
  flow.jobs = std::move(*sorted);
  if (auto kept = keep_inputs(flow.jobs, now); !kept) return std::unexpected(kept.error());
  return flow;
}

}  // namespace joinery::cli
