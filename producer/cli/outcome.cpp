#include "producer/cli/outcome.h"

#include <fmt/core.h>

#include "producer/cli/human.h"

namespace joinery::cli {
namespace {

struct Column {
  const char* name;
  std::uint64_t Counts::*value;
};
constexpr Column columns[] = {
    {"parked", &Counts::parked}, {"scheduled", &Counts::scheduled}, {"blocked", &Counts::blocked},
    {"ready", &Counts::ready},   {"running", &Counts::running},     {"succeeded", &Counts::succeeded},
    {"failed", &Counts::failed}, {"cancelled", &Counts::cancelled}, {"expired", &Counts::expired},
};

Json failure_json(const Failure& failure) {
  Json map{{"code", word(failure.code)},
           {"type", failure.type},
           {"message", failure.message},
           {"where", failure.where}};
  if (const auto dossier =
          failure.dossier.empty() ? fail(Code::no_result, {}) : from_msgpack(failure.dossier))
    map["dossier"] = *dossier;
  return map;
}

std::int64_t unix_ms(Wall time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

bool is_msgpack(const results::Stored& stored) {
  return stored.content_type.empty() || stored.content_type == "application/msgpack";
}

// What the exec handler leaves: {"status", "stdout", "stderr", "truncated"}.
bool is_command(const Json& value) {
  return value.is_object() && value.contains("status") && value.contains("stdout") &&
         value.contains("stderr");
}

std::string bytes_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_binary()) return {};
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

Json value_json(const results::Stored& stored) {
  if (is_msgpack(stored))
    if (auto value = from_msgpack(stored.value)) return std::move(*value);
  return Json::binary({stored.value.begin(), stored.value.end()});
}

Json result_json(const Ended& ended, const MapItem* item) {
  Json map{{"job", ended.outcome.job}};
  if (item != nullptr) {
    map["index"] = item->index;
    map["item"] = item->text;
  }
  const bool known = ended.outcome.known || ended.stored;
  const Outcome outcome =
      ended.outcome.known || !ended.stored ? ended.outcome.outcome : ended.stored->outcome;
  map["outcome"] = known ? Json(word(outcome)) : Json();
  if (ended.stored) {
    const results::Stored& stored = *ended.stored;
    map["attempt"] = stored.token.attempt;
    map["worker"] = stored.worker;
    map["started_ms"] = unix_ms(stored.started);
    map["finished_ms"] = unix_ms(stored.finished);
  }
  if (known && outcome == Outcome::succeeded) {
    map["result"] = ended.stored ? value_json(*ended.stored) : Json();
  } else if (known) {
    map["error"] = failure_json(ended.stored ? ended.stored->failure : ended.outcome.failure);
    if (ended.stored && !ended.stored->value.empty()) map["result"] = value_json(*ended.stored);
  }
  return map;
}

void print_value(Output& out, const results::Stored& stored, Form form) {
  if (form == Form::raw || !is_msgpack(stored)) return out.raw(stored.value);
  const Json value = value_json(stored);
  if (!is_command(value)) return out.value(value);
  out.raw(bytes_of(value["stdout"]));
  out.flush();
  out.raw_error(bytes_of(value["stderr"]));
  if (truth(value, "truncated"))
    out.note(
        fmt::format("job {}: what it wrote was longer than the worker keeps, and was cut", stored.token.job));
}

void print_failure(Output& out, const std::string& job, Outcome outcome, const Failure& failure) {
  std::string text = fmt::format("{} {}", job, word(outcome));
  if (!failure.type.empty()) text += ": " + failure.type;
  if (!failure.message.empty()) text += ": " + failure.message;
  if (!failure.where.empty()) text += fmt::format(", at {}", failure.where);
  out.note(fmt::format("{} ({})", text, word(failure.code)));
}

}  // namespace

std::vector<Ended> with_results(Client& client, std::vector<JobOutcome> outcomes) {
  std::vector<JobId> jobs;
  for (const JobOutcome& outcome : outcomes) jobs.push_back(outcome.job);
  auto stored = client.redis_url().empty() ? std::vector<std::optional<results::Stored>>(jobs.size())
                                           : client.results(jobs);
  std::vector<Ended> ended;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    JobOutcome& outcome = outcomes[i];
    const bool is_its_own = stored[i] && (!outcome.known || stored[i]->token == outcome.token);
    ended.push_back({std::move(outcome), is_its_own ? std::move(stored[i]) : std::nullopt});
  }
  return ended;
}

ExitCode print_result(Output& out, const Ended& ended, Form form, const MapItem* item) {
  const std::string name = item == nullptr ? std::string() : fmt::format(" (item {})", cut(item->text, 60));
  const std::string job = fmt::format("job {}{}", ended.outcome.job, name);
  const bool known = ended.outcome.known || ended.stored;
  const Outcome outcome =
      ended.outcome.known || !ended.stored ? ended.outcome.outcome : ended.stored->outcome;
  if (out.json()) {
    out.value(result_json(ended, item));
  } else if (!known) {
    out.error({Code::no_result,
               fmt::format("{}: the broker does not know it, and there is no result (any more)", job),
               {}});
  } else if (outcome != Outcome::succeeded) {
    if (ended.stored && !ended.stored->value.empty()) print_value(out, *ended.stored, form);
    out.flush();
    print_failure(out, job, outcome, ended.stored ? ended.stored->failure : ended.outcome.failure);
  } else if (ended.stored) {
    print_value(out, *ended.stored, form);
  } else {
    out.error({Code::no_result, fmt::format("{} succeeded, and kept no result (any more)", job), {}});
  }
  if (!known || (outcome == Outcome::succeeded && !ended.stored)) return ExitCode::failure;
  return outcome == Outcome::succeeded ? ExitCode::success : ExitCode::jobs_failed;
}

std::string ago_of(const Json& job, const char* key) {
  return ago(static_cast<std::int64_t>(number(job, key)), read_clocks().wall);
}

std::string progress_text(const Json& progress) {
  const Json& fraction = member(progress, "fraction");
  const double part = fraction.is_number() ? fraction.get<double>() : 0;
  return fmt::format("{:.0f} % {}", part * 100, text(progress, "text"));
}

std::string attempts_text(const Json& job) {
  return fmt::format("{} ({} failed, {} crashed, {} lost)", number(job, "attempt"), number(job, "failures"),
                     number(job, "crashes"), number(job, "losses"));
}

void unpack_dossier(Json& job) {
  if (!job.contains("failure") || !job["failure"].contains("dossier")) return;
  Json& dossier = job["failure"]["dossier"];
  if (!dossier.is_binary()) return;
  const auto& bytes = dossier.get_binary();
  if (auto value = from_msgpack({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    dossier = Json(*value);
  }
}

std::string failure_text(const Json& job) {
  const Json& failure = member(job, "failure");
  if (failure.is_null()) return {};
  return fmt::format("{}: {}", text(failure, "type", text(failure, "word")), text(failure, "message"));
}

std::string summary(const Counts& counts) {
  std::string out;
  for (const Column& column : columns)
    if (counts.*column.value != 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count(counts.*column.value), column.name);
  return out.empty() ? "no jobs" : out;
}

Json counts_json(const Counts& counts) {
  Json map = Json::object();
  for (const Column& column : columns) map[column.name] = counts.*column.value;
  return map;
}

Table counts_table(const Counts& counts) {
  Table table{{"OUTCOME", ">JOBS"}, {}};
  for (const Column& column : columns) {
    const bool is_outcome = column.value == &Counts::succeeded || column.value == &Counts::failed;
    if (is_outcome || counts.*column.value != 0)
      table.rows.push_back({column.name, count(counts.*column.value)});
  }
  return table;
}

Counts counts_of(const Json& map) {
  Counts counts;
  for (const Column& column : columns) counts.*column.value = number(map, column.name);
  return counts;
}

ExitCode exit_code(const Counts& counts) {
  return counts.failed + counts.cancelled + counts.expired == 0 ? ExitCode::success : ExitCode::jobs_failed;
}

}  // namespace joinery::cli
