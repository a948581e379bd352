#include "producer/cli/flow_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace joinery::cli {
namespace {

// Depth first: a job is placed behind all before it. What is found again on the way is a cycle.
class Order {
 public:
  explicit Order(std::vector<FlowJob>& jobs) : jobs_(jobs) {
    for (FlowJob& job : jobs) by_name_[job.name] = &job;
  }
  Result<std::vector<FlowJob>> sorted() {
    for (FlowJob& job : jobs_) {
      if (auto placed = place(job); !placed) return std::unexpected(placed.error());
    }
    return std::move(out_);
  }

 private:
  Result<> place(FlowJob& job) {
    if (marks_[job.name] == 2) return {};
    way_.push_back(job.name);
    if (marks_[job.name] == 1) {
      const auto begin = std::ranges::find(way_, job.name);
      return std::unexpected(wrong_field(
          "jobs", fmt::format("come after each other in a circle: {}",
                              fmt::join(std::vector<std::string>(begin, way_.end()), " after "))));
    }
    marks_[job.name] = 1;
    for (const std::string& name : job.after) {
      const auto before = by_name_.find(name);
      if (before == by_name_.end())
        return std::unexpected(wrong_field("jobs." + job.name + ".after",
                                           fmt::format("names \"{}\", and there is no such job", name)));
      if (auto placed = place(*before->second); !placed) return placed;
    }
    way_.pop_back();
    marks_[job.name] = 2;
    out_.push_back(job);
    return {};
  }

  std::vector<FlowJob>& jobs_;
  std::map<std::string, FlowJob*> by_name_;
  std::map<std::string, int> marks_;  // 1: on the way, 2: placed
  std::vector<std::string> way_;
  std::vector<FlowJob> out_;
};

// What is passed on has to be kept until then.
void keep_inputs(std::vector<FlowJob>& jobs) {
  constexpr std::uint32_t kept_s = 86'400;
  std::map<std::string, FlowJob*> by_name;
  for (FlowJob& job : jobs) by_name[job.name] = &job;
  for (const FlowJob& job : jobs) {
    if (!job.options.spec.inputs) continue;
    for (const std::string& name : job.after) {
      Spec& spec = by_name.at(name)->options.spec;
      if (spec.result_ttl_s == 0) spec.result_ttl_s = kept_s;
      spec.said->add(SpecOption::result_ttl_s);
    }
  }
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
  keep_inputs(flow.jobs);
  return flow;
}

}  // namespace joinery::cli
