#include "producer/cli/flow_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "producer/cli/job_control.h"
#include "shared/config/backoff.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

Error wrong(const std::string& field, const std::string& message) {
  return {Code::invalid_argument, fmt::format("{} {}", field, message), field};
}

Result<> check_keys(const Json& map, const std::string& field, std::initializer_list<const char*> known) {
  for (const auto& [key, _] : map.items()) {
    if (std::ranges::find(known, key) == known.end())
      return std::unexpected(
          Error{Code::unknown_field, fmt::format("{}: there is no key \"{}\"", field, key), key});
  }
  return {};
}

Result<std::vector<std::string>> texts(const Json& value, const std::string& field) {
  if (!value.is_array()) return std::unexpected(wrong(field, "is no list of texts"));
  std::vector<std::string> all;
  for (const Json& one : value) {
    if (!one.is_string()) return std::unexpected(wrong(field, "is no list of texts"));
    all.push_back(one.get<std::string>());
  }
  return all;
}

Result<Buffer> payload_of(const Json& job, const std::string& field, const std::string& handler) {
  const bool exec = handler == "exec";
  if (job.contains("command") != exec)
    return std::unexpected(wrong(field + ".command", exec ? "is missing" : "is only for the handler exec"));
  if (exec) {
    const auto argv = texts(job["command"], field + ".command");
    if (!argv) return std::unexpected(argv.error());
    if (argv->empty()) return std::unexpected(wrong(field + ".command", "is empty"));
    return to_msgpack(Json{{"argv", *argv}});
  }
  const Json arguments = job.contains("args") ? job["args"] : Json::array();
  if (!arguments.is_array()) return std::unexpected(wrong(field + ".args", "is no list"));
  return to_msgpack(arguments);
}

Result<std::uint32_t> count_of(const Json& value, const std::string& field) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX)
    return std::unexpected(wrong(field, "is no whole number"));
  return static_cast<std::uint32_t>(value.get<std::uint64_t>());
}

Result<bool> truth_of(const Json& value, const std::string& field) {
  if (value.is_boolean()) return value.get<bool>();
  return std::unexpected(wrong(field, "is neither true nor false"));
}

Result<> take_option(const std::string& key, const Json& value, const std::string& field, FlowJob& job) {
  Spec& spec = job.options.spec;
  if (key == "attempts") {
    const auto count = count_of(value, field);
    if (!count) return std::unexpected(count.error());
    spec.attempts = *count;
    spec.said->add(SpecOption::attempts);
  } else if (key == "after_any" || key == "inputs") {
    const auto flag = truth_of(value, field);
    if (!flag) return std::unexpected(flag.error());
    if (key == "inputs") spec.inputs = *flag;
    if (key == "after_any") spec.after = *flag ? After::finished : After::succeeded;
  } else if (key == "after") {
    auto after = texts(value, field);
    if (!after) return std::unexpected(after.error());
    job.after = std::move(*after);
  } else if (key == "queue" || key == "backoff" || key == "keep_result") {
    if (!value.is_string()) return std::unexpected(wrong(field, "is no text"));
    const auto text = value.get<std::string>();
    if (key == "queue") return job.options.queue = text, Result<>{};
    if (key == "backoff") {
      auto backoff = config::parse_backoff(text);
      if (!backoff) return std::unexpected(wrong(field, backoff.error().message));
      spec.backoff = std::move(*backoff);
      spec.said->add(SpecOption::backoff);
      return {};
    }
    const auto time = config::parse_duration(text);
    if (!time) return std::unexpected(wrong(field, time.error().message));
    spec.result_ttl_s = static_cast<std::uint32_t>((time->count() + 999) / 1000);
    spec.said->add(SpecOption::result_ttl_s);
  }
  return {};
}

Result<FlowJob> parse_job(const std::string& name, const Json& map, const SubmitOptions& usual) {
  const std::string field = "jobs." + name;
  if (!map.is_object()) return std::unexpected(wrong(field, "is no object"));
  if (auto known = check_keys(map, field,
                              {"handler", "command", "args", "after", "after_any", "inputs", "queue",
                               "attempts", "backoff", "keep_result"});
      !known)
    return std::unexpected(known.error());
  FlowJob job{.name = name, .handler = "exec", .payload = {}, .after = {}, .options = usual};
  if (!job.options.spec.said) job.options.spec.said.emplace();
  if (map.contains("handler")) {
    if (!map["handler"].is_string()) return std::unexpected(wrong(field + ".handler", "is no text"));
    job.handler = map["handler"].get<std::string>();
  }
  auto payload = payload_of(map, field, job.handler);
  if (!payload) return std::unexpected(payload.error());
  job.payload = std::move(*payload);
  for (const auto& [key, value] : map.items()) {
    if (auto taken = take_option(key, value, field + "." + key, job); !taken)
      return std::unexpected(taken.error());
  }
  return job;
}

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
      return std::unexpected(
          wrong("jobs", fmt::format("come after each other in a circle: {}",
                                    fmt::join(std::vector<std::string>(begin, way_.end()), " after "))));
    }
    marks_[job.name] = 1;
    for (const std::string& name : job.after) {
      const auto before = by_name_.find(name);
      if (before == by_name_.end())
        return std::unexpected(wrong("jobs." + job.name + ".after",
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

Result<Flow> parse_flow(const Json& file, const SubmitOptions& usual) {
  if (!file.is_object()) return std::unexpected(wrong("flow", "is no JSON object"));
  if (auto known = check_keys(file, "flow", {"name", "jobs"}); !known) return std::unexpected(known.error());
  if (!file.contains("jobs") || !file["jobs"].is_object() || file["jobs"].empty())
    return std::unexpected(wrong("jobs", "is missing: an object of jobs by name"));
  Flow flow;
  if (file.contains("name")) {
    if (!file["name"].is_string()) return std::unexpected(wrong("name", "is no text"));
    flow.name = file["name"].get<std::string>();
  }
  std::vector<FlowJob> jobs;
  for (const auto& [name, map] : file["jobs"].items()) {
    auto job = parse_job(name, map, usual);
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
