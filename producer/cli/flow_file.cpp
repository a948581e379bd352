#include "producer/cli/flow_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "shared/config/config.h"

namespace joinery::cli {
namespace {

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
std::uint32_t waits_s(const SubmitOptions& options, Wall now) {
  using std::chrono::milliseconds;
  milliseconds wait = options.delay.value_or(milliseconds(0));
  if (options.run_at) wait = std::max(wait, std::chrono::ceil<milliseconds>(*options.run_at - now));
  constexpr std::int64_t most = std::chrono::seconds(std::chrono::days(36'499)).count();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, most));
}

// What is passed on is kept until then, and a day for what is in between. What a job says itself holds,
// unless it is surely too short for one that starts at once.
Result<> keep_inputs(std::vector<FlowJob>& jobs, Wall now) {
  constexpr std::uint32_t day_s = 86'400;
  std::map<std::string, FlowJob*> by_name;
  for (FlowJob& job : jobs) by_name[job.name] = &job;
  for (const FlowJob& job : jobs) {
    if (!job.options.spec.inputs) continue;
    const std::uint32_t wait_s = waits_s(job.options, now);
    for (const std::string& name : job.after) {
      FlowJob& before = *by_name.at(name);
      Spec& spec = before.options.spec;
      if (!before.keeps_result || spec.result_ttl_s == 0) {
        spec.result_ttl_s = std::max(spec.result_ttl_s, wait_s + day_s);
      } else if (spec.result_ttl_s <= wait_s) {
        return std::unexpected(wrong_field(
            "jobs." + name + ".keep_result",
            fmt::format(
                "is {}, expected more than the {} until jobs.{}, which is given the result, may start",
                config::format_duration(std::chrono::seconds(spec.result_ttl_s)),
                config::format_duration(std::chrono::seconds(wait_s)), job.name)));
      }
      spec.said->add(SpecOption::result_ttl_s);
    }
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
