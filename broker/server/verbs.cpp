#include "broker/server/verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "broker/server/history.h"
#include "broker/server/limits.h"
#include "broker/server/queue_defaults.h"
#include "broker/server/verb.h"

namespace joinery::broker::server {

namespace {

using protocol::Value;

constexpr std::uint64_t most_usual = 100;
constexpr std::uint64_t most_limit = 10'000;
constexpr std::uint64_t grace_ms_limit = std::uint64_t{7} * 24 * 3'600'000;

// --- arguments: each has the same meaning in every verb ---

// The queue of the name given; an error if there is none.
Result<QueueView> queue_of(const Desk& desk, const Value& given) {
  const Result<std::string_view> name = given.str("queue");
  if (!name) return std::unexpected(name.error());
  if (auto queue = desk.core.queue(*name)) return *queue;
  return fail(Code::unknown_queue, fmt::format("there is no queue '{}'", *name), "queue");
}

// --- questions ---

Result<Value> status(const Desk& desk, const Value&) { return status_value(desk); }

Result<Value> stats(const Desk& desk, const Value&) { return stats_value(desk); }

template <typename Items, typename Show>
Value list(std::string_view key, const Items& items, Show show) {
  Value array = Value::array();
  for (const auto& item : items) array.push(show(item));
  Value map = Value::map();
  map.set(key, std::move(array));
  return map;
}

// By name, so that a page begins where the last one ended, whatever was made meanwhile.
Result<Value> queue_list(const Desk& desk, const Value& given) {
  const Result<std::string_view> after = given.str_or("after", {});
  if (!after) return std::unexpected(after.error());
  const Result<std::uint64_t> most = given.u64_or("most", most_usual);
  if (!most) return std::unexpected(most.error());
  std::vector<QueueView> queues = desk.core.queues();
  std::erase_if(queues, [&](const QueueView& queue) { return queue.name <= *after; });
  const auto number = std::min<std::size_t>(queues.size(), std::min(*most, most_limit));
  const auto end = queues.begin() + static_cast<std::ptrdiff_t>(number);
  std::ranges::partial_sort(queues, end, {}, &QueueView::name);
  queues.erase(end, queues.end());
  return list("queues", queues, queue_value);
}

Result<Value> queue_show(const Desk& desk, const Value& given) {
  const auto queue = queue_of(desk, given);
  if (!queue) return std::unexpected(queue.error());
  return queue_value(*queue);
}

Result<Value> list_jobs(const Desk& desk, const Value& given, std::optional<State> state) {
  std::string_view queue;
  if (given.find("queue") != nullptr) {
    const auto found = queue_of(desk, given);
    if (!found) return std::unexpected(found.error());
    queue = found->name;
  }
  const Result<std::uint64_t> after = given.u64_or("after", 0);
  if (!after) return std::unexpected(after.error());
  const Result<std::uint64_t> most = given.u64_or("most", most_usual);
  if (!most) return std::unexpected(most.error());
  const Result<std::uint64_t> from = given.u64_or("from", 0);
  if (!from) return std::unexpected(from.error());
  auto slice = static_cast<std::uint32_t>(std::min<std::uint64_t>(*from, UINT32_MAX));
  Value page = list("jobs", desk.core.jobs(queue, state, *after, std::min(*most, most_limit), &slice),
                    [&](const JobView& job) { return job_value(desk, job, false, true); });
  if (slice != 0) page.set("next", slice);
  return page;
}

Result<Value> job_list(const Desk& desk, const Value& given) {
  State state{};
  const char* words = "parked, scheduled, blocked, ready, running or failed";
  if (Result<> taken = take_word(given, "state", state_from_word, words, state); !taken) {
    return std::unexpected(taken.error());
  }
  return list_jobs(desk, given, given.find("state") != nullptr ? std::optional(state) : std::nullopt);
}

Result<Value> dead_list(const Desk& desk, const Value& given) {
  return list_jobs(desk, given, State::failed);
}

Result<Value> job_show(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> id = given.u64("job");
  if (!id) return std::unexpected(id.error());
  const Result<bool> payload = given.boolean_or("payload", false);
  if (!payload) return std::unexpected(payload.error());
  const auto job = desk.core.job(*id);
  if (job && !job->queue_name.empty()) return job_value(desk, *job, *payload);  // it is there
  if (const auto ended = desk.core.finished(*id)) return finished_value(*ended);
  if (job) return job_value(desk, *job, false);
  return fail(Code::unknown_job, fmt::format("there is no job {}, or it was forgotten", *id), "job");
}

Result<Value> job_follow(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> after = given.u64_or("after", 0);
  if (!after) return std::unexpected(after.error());
  Result<Value> shown = job_show(desk, given);
  if (!shown) return shown;
  const Result<std::uint64_t> id = given.u64("job");
  const auto job = desk.core.job(*id);
  desk.follows.ask(desk.now.mono, job ? job->token : Token{.job = *id}, job ? job->held_by : SessionId{});
  Value answer = desk.follows.lines(*id, *after);
  answer.set("job", std::move(*shown));
  return answer;
}

Result<Value> job_explain(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> id = given.u64("job");
  if (!id) return std::unexpected(id.error());
  if (const auto job = desk.core.job(*id)) return explain_value(desk, *job);
  return fail(Code::unknown_job, fmt::format("there is no job {}, or it was forgotten", *id), "job");
}

Result<Value> limit_list(const Desk& desk, const Value&) {
  return list("limits", desk.core.limits(), limit_value);
}

Result<Value> batch_show(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> id = given.u64("batch");
  if (!id) return std::unexpected(id.error());
  if (const auto batch = desk.core.batch(*id)) return batch_value(*batch);
  return fail(Code::unknown_batch, fmt::format("there is no batch {}", *id), "batch");
}

Result<Value> batch_list(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> after = given.u64_or("after", 0);
  if (!after) return std::unexpected(after.error());
  const Result<std::uint64_t> most = given.u64_or("most", most_usual);
  if (!most) return std::unexpected(most.error());
  return list("batches", desk.core.batches(*after, std::min(*most, most_limit)), batch_value);
}

Result<Value> worker_list(const Desk& desk, const Value&) {
  return list("workers", desk.core.workers(),
              [&](const WorkerView& worker) { return worker_value(desk, worker); });
}

// --- changes ---

Value opened_value(std::uint64_t batch) {
  Value map = Value::map();
  map.set("batch", batch);
  return map;
}

// The queue as it is after the change.
DoneAnswer show_queue(const Desk& desk, std::string name) {
  return [&desk, name = std::move(name)](std::uint64_t) {
    const auto queue = desk.core.queue(name);
    return queue ? queue_value(*queue) : Value::map();
  };
}

Result<Plan> queue_configure(const Desk& desk, const Value& given) {
  const Result<std::string_view> name = given.str("queue");
  if (!name) return std::unexpected(name.error());
  const auto queue = desk.core.queue(*name);
  QueueOptions options = queue ? queue->options : desk.queue_defaults;
  if (Result<> taken = take_word(given, "mode", mode_from_word, "fifo, lifo or priority", options.mode);
      !taken) {
    return std::unexpected(taken.error());
  }
  const Result<bool> keep_mode = given.boolean_or("keep_mode", false);
  if (!keep_mode) return std::unexpected(keep_mode.error());
  if (*keep_mode && queue && queue->options.mode != options.mode) {
    std::string why =
        fmt::format("queue {} has mode {}, not {}", *name, word(queue->options.mode), word(options.mode));
    return Plan{Refuse{{Code::invalid_state, std::move(why), "mode"}}, show_queue(desk, std::string(*name))};
  }
  if (Result<> taken =
          take_word(given, "durability", durability_from_word, "sync, interval or none", options.durability);
      !taken) {
    return std::unexpected(taken.error());
  }
  const Result<std::uint64_t> maxsize = given.u64_or("maxsize", options.maxsize);
  if (!maxsize) return std::unexpected(maxsize.error());
  options.maxsize = *maxsize;
  const Result<bool> fair = given.boolean_or("fair", options.fair);
  if (!fair) return std::unexpected(fair.error());
  options.fair = *fair;
  if (const Value* defaults = given.find("defaults")) {
    if (Result<> taken = change_defaults(*defaults, options.defaults); !taken)
      return std::unexpected(taken.error());
  }
  for (const auto& [key, out] : {std::pair("history_bytes", &options.history_bytes),
                                 std::pair("history_age_ms", &options.history_age_ms)}) {
    const Result<std::uint64_t> value = given.u64_or(key, *out);
    if (!value) return std::unexpected(value.error());
    *out = *value;
  }
  return Plan{Configure{std::string(*name), options}, show_queue(desk, std::string(*name))};
}

Result<Plan> queue_pause(const Desk& desk, const Value& given) {
  const auto queue = queue_of(desk, given);
  if (!queue) return std::unexpected(queue.error());
  Result<std::string> who = text_argument(given, "who");
  if (!who) return std::unexpected(who.error());
  Result<std::string> why = text_argument(given, "why");
  if (!why) return std::unexpected(why.error());
  const std::string name(queue->name);
  return Plan{Pause{name, std::move(*who), std::move(*why)}, show_queue(desk, name)};
}

Result<Plan> queue_resume(const Desk& desk, const Value& given) {
  const auto queue = queue_of(desk, given);
  if (!queue) return std::unexpected(queue.error());
  const std::string name(queue->name);
  return Plan{Resume{name}, show_queue(desk, name)};
}

Result<Plan> queue_forget(const Desk& desk, const Value& given) {
  Result<PurgeHistory> verb = forget_of(desk, given);
  if (!verb) return std::unexpected(verb.error());
  return Plan{std::move(*verb), number_value};
}

Result<Plan> cancel(const Value& given, Target target, std::string who = {}) {
  Cancel verb{.target = std::move(target), .who = std::move(who)};
  const Result<std::uint64_t> grace =
      given.u64_or("grace_ms", static_cast<std::uint64_t>(verb.grace.count() / 1000));
  if (!grace) return std::unexpected(grace.error());
  verb.grace = std::chrono::milliseconds(std::min(*grace, grace_ms_limit));
  return Plan{std::move(verb), number_value};
}

Result<Plan> job_cancel(const Desk&, const Value& given) {
  Result<std::vector<JobId>> jobs = given.ids("jobs");
  if (!jobs) return std::unexpected(jobs.error());
  Result<std::string> who = text_argument(given, "who");
  if (!who) return std::unexpected(who.error());
  return cancel(given, Target{.queue = {}, .batch = 0, .jobs = std::move(*jobs)}, std::move(*who));
}

Result<Plan> batch_cancel(const Desk&, const Value& given) {
  const Result<std::uint64_t> batch = given.u64("batch");
  if (!batch) return std::unexpected(batch.error());
  return cancel(given, Target{.queue = {}, .batch = *batch, .jobs = {}});
}

Result<Plan> job_retry(const Desk&, const Value& given) {
  Result<std::vector<JobId>> jobs = given.ids("jobs");
  if (!jobs) return std::unexpected(jobs.error());
  return Plan{Retry{std::move(*jobs)}, number_value};
}

Result<Plan> job_update(const Desk&, const Value& given) {
  Result<std::vector<JobId>> jobs = given.ids("jobs");
  if (!jobs) return std::unexpected(jobs.error());
  Update verb{.jobs = std::move(*jobs), .priority = {}, .run_at_ms = {}};
  for (const auto& [key, out] :
       {std::pair("priority", &verb.priority), std::pair("run_at_ms", &verb.run_at_ms)}) {
    if (given.find(key) == nullptr) continue;
    const Result<std::int64_t> value = given.i64(key);
    if (!value) return std::unexpected(value.error());
    *out = *value;
  }
  return Plan{std::move(verb), number_value};
}

Result<Plan> job_move(const Desk&, const Value& given) {
  Result<std::vector<JobId>> jobs = given.ids("jobs");
  if (!jobs) return std::unexpected(jobs.error());
  Result<std::string> to = text_argument(given, "to");
  if (!to) return std::unexpected(to.error());
  return Plan{MoveTo{std::move(*jobs), std::move(*to)}, number_value};
}

// Of a slice: see Bulk.
Value slice_value(std::uint64_t number) {
  Value map = Value::map();
  map.set("number", number & UINT32_MAX);
  if (const std::uint64_t next = number >> 32U; next != 0) map.set("next", next);
  return map;
}

Result<Filter> filter_of(const Value& given) {
  Filter filter;
  for (const auto& [key, out] : {std::pair("queue", &filter.queue), std::pair("handler", &filter.handler),
                                 std::pair("error", &filter.error), std::pair("key", &filter.key)}) {
    Result<std::string> value = text_argument(given, key);
    if (!value) return std::unexpected(value.error());
    *out = std::move(*value);
  }
  State state{};
  const char* words = "parked, scheduled, blocked, ready, running or failed";
  if (Result<> taken = take_word(given, "state", state_from_word, words, state); !taken)
    return std::unexpected(taken.error());
  if (given.find("state") != nullptr) filter.state = state;
  const Result<std::uint64_t> batch = given.u64_or("batch", 0);
  if (!batch) return std::unexpected(batch.error());
  filter.batch = *batch;
  if (given.find("accepted_before_ms") == nullptr) return filter;
  const Result<std::int64_t> before = given.i64("accepted_before_ms");
  if (!before) return std::unexpected(before.error());
  filter.accepted_before = Wall(std::chrono::milliseconds(*before));
  return filter;
}

template <BulkVerb bulk_verb>
Result<Plan> bulk(const Desk&, const Value& given) {
  Result<Filter> filter = filter_of(given);
  if (!filter) return std::unexpected(filter.error());
  Bulk verb{.verb = bulk_verb, .filter = std::move(*filter)};
  const Result<std::uint64_t> from = given.u64_or("from", 0);
  if (!from) return std::unexpected(from.error());
  verb.from = static_cast<std::uint32_t>(std::min<std::uint64_t>(*from, UINT32_MAX));
  const Result<bool> dry_run = given.boolean_or("dry_run", false);
  if (!dry_run) return std::unexpected(dry_run.error());
  verb.dry_run = *dry_run;
  Result<std::string> to = text_argument(given, "to");
  if (!to) return std::unexpected(to.error());
  verb.to = std::move(*to);
  const Result<std::uint64_t> grace =
      given.u64_or("grace_ms", static_cast<std::uint64_t>(verb.grace.count() / 1000));
  if (!grace) return std::unexpected(grace.error());
  verb.grace = std::chrono::milliseconds(std::min(*grace, grace_ms_limit));
  return Plan{std::move(verb), slice_value};
}

// Of one queue, which must be named.
template <BulkVerb bulk_verb>
Result<Plan> bulk_queue(const Desk& desk, const Value& given) {
  const auto queue = queue_of(desk, given);
  if (!queue) return std::unexpected(queue.error());
  return bulk<bulk_verb>(desk, given);
}

// These dead letters, or all of a queue.
template <typename AdminVerb, BulkVerb bulk_verb>
Result<Plan> of_dead(const Desk& desk, const Value& given) {
  if (given.find("queue") != nullptr) return bulk_queue<bulk_verb>(desk, given);
  Result<std::vector<JobId>> jobs = given.ids("jobs");
  if (!jobs) return std::unexpected(jobs.error());
  return Plan{AdminVerb{std::move(*jobs)}, number_value};
}

Result<Plan> limit_set(const Desk& desk, const Value& given) {
  Result<Limit> limit = limit_of_arguments(given);
  if (!limit) return std::unexpected(limit.error());
  const auto show = [&desk, pattern = limit->pattern](std::uint64_t) {
    for (const LimitView& view : desk.core.limits()) {
      if (view.limit.pattern == pattern) return limit_value(view);
    }
    return Value::map();
  };
  return Plan{SetLimit{std::move(*limit)}, show};
}

Result<Plan> limit_delete(const Desk&, const Value& given) {
  const Result<std::string_view> pattern = given.str("pattern");
  if (!pattern) return std::unexpected(pattern.error());
  return Plan{DeleteLimit{std::string(*pattern)}, number_value};
}

Result<Plan> batch_open(const Desk&, const Value& given) {
  Result<std::string> name = text_argument(given, "name");
  if (!name) return std::unexpected(name.error());
  const Result<std::uint64_t> parent = given.u64_or("parent", 0);
  if (!parent) return std::unexpected(parent.error());
  const Result<bool> hold = given.boolean_or("hold", false);
  if (!hold) return std::unexpected(hold.error());
  return Plan{OpenBatch{std::move(*name), *parent, *hold}, opened_value};
}

Result<Plan> batch_close(const Desk& desk, const Value& given) {
  const Result<std::uint64_t> batch = given.u64("batch");
  if (!batch) return std::unexpected(batch.error());
  return Plan{CloseBatch{*batch}, [&desk, id = *batch](std::uint64_t) {
                const auto view = desk.core.batch(id);
                return view ? batch_value(*view) : Value::map();
              }};
}

std::vector<std::string_view> with_filter(std::vector<std::string_view> own) {
  own.insert(own.end(),
             {"queue", "handler", "state", "error", "accepted_before_ms", "batch", "key", "from", "dry_run"});
  return own;
}

// To add one: docs/protocol.md first, then its line here.
const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = [] {
    std::vector<Verb> all{
        {"status", {}, status},
        {"stats", {}, stats},
        {"queue.list", {"after", "most"}, queue_list},
        {"queue.show", {"queue"}, queue_show},
        {"queue.configure",
         {"queue", "mode", "keep_mode", "durability", "maxsize", "fair", "defaults", "history_bytes",
          "history_age_ms"},
         queue_configure},
        {"queue.pause", {"queue", "who", "why"}, queue_pause},
        {"queue.resume", {"queue"}, queue_resume},
        {"queue.purge", {"queue", "from"}, bulk_queue<BulkVerb::purge>},
        {"queue.forget", {"queue", "ended_before_ms"}, queue_forget},
        {"job.finished",
         {"queue", "handler", "outcome", "batch", "key", "error", "ended_before_ms", "ended_after_ms",
          "before", "most"},
         finished_list},
        {"job.list", {"queue", "state", "after", "most", "from"}, job_list},
        {"job.show", {"job", "payload"}, job_show},
        {"job.follow", {"job", "after"}, job_follow},
        {"job.explain", {"job"}, job_explain},
        {"job.retry", {"jobs"}, job_retry},
        {"job.cancel", {"jobs", "grace_ms", "who"}, job_cancel},
        {"job.update", {"jobs", "priority", "run_at_ms"}, job_update},
        {"job.move", {"jobs", "to"}, job_move},
        {"dead.list", {"queue", "after", "most", "from"}, dead_list},
        {"dead.retry", {"jobs", "queue", "from"}, of_dead<Retry, BulkVerb::retry>},
        {"dead.delete", {"jobs", "queue", "from"}, of_dead<Delete, BulkVerb::remove>},
        {"bulk.retry", with_filter({}), bulk<BulkVerb::retry>},
        {"bulk.delete", with_filter({}), bulk<BulkVerb::remove>},
        {"bulk.cancel", with_filter({"grace_ms"}), bulk<BulkVerb::cancel>},
        {"bulk.move", with_filter({"to"}), bulk<BulkVerb::move>},
        {"batch.open", {"name", "parent", "hold"}, batch_open},
        {"batch.close", {"batch"}, batch_close},
        {"batch.show", {"batch"}, batch_show},
        {"batch.list", {"after", "most"}, batch_list},
        {"batch.cancel", {"batch", "grace_ms"}, batch_cancel},
        {"limit.set",
         {"pattern", "concurrency", "rate", "period_ms", "burst", "interval_ms", "weight"},
         limit_set},
        {"limit.list", {}, limit_list},
        {"limit.delete", {"pattern"}, limit_delete},
        {"worker.list", {}, worker_list},
    };
    std::ranges::move(schedule_verbs(), std::back_inserter(all));
    return all;
  }();
  return table;
}

Result<Value> read_arguments(Bytes raw, const Verb& verb) {
  Result<Value> given = protocol::decode_map(raw);
  if (!given) return given;
  const Result<const Value::Map*> members = given->as_map("arguments");
  if (!members) return std::unexpected(members.error());
  for (const Value::Member& member : **members) {
    if (std::ranges::find(verb.arguments, member.key) != verb.arguments.end()) continue;
    return fail(
        Code::unknown_field,
        fmt::format("{} has no argument '{}'; it has: {}", verb.name, member.key,
                    verb.arguments.empty() ? "none" : fmt::format("{}", fmt::join(verb.arguments, ", "))),
        member.key);
  }
  return given;
}

}  // namespace

Result<std::string> text_argument(const Value& given, std::string_view key) {
  constexpr std::size_t most = 1024;
  const Result<std::string_view> found = given.str_or(key, {});
  if (!found) return std::unexpected(found.error());
  if (found->size() <= most) return std::string(*found);
  return fail(Code::invalid_argument, fmt::format("{} has {} bytes; at most {}", key, found->size(), most),
              std::string(key));
}

Value number_value(std::uint64_t number) {
  Value map = Value::map();
  map.set("number", number);
  return map;
}

std::vector<std::string_view> Verbs::names() {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.push_back(verb.name);
  return names;
}

Result<std::optional<Value>> Verbs::request(const Session& session, const protocol::Request& request) {
  const auto verb = std::ranges::find(verbs(), std::string_view(request.verb), &Verb::name);
  if (verb == verbs().end()) {
    return fail(Code::unknown_verb, fmt::format("there is no verb '{}'", request.verb), "verb");
  }
  const Result<Value> given = read_arguments(request.arguments, *verb);
  if (!given) return std::unexpected(given.error());
  if (const Query* query = std::get_if<Query>(&verb->does)) {
    Result<Value> answer = (*query)(desk_, *given);
    if (!answer) return std::unexpected(answer.error());
    return std::optional(std::move(*answer));
  }
  Result<Plan> plan = std::get<Action>(verb->does)(desk_, *given);
  if (!plan) return std::unexpected(plan.error());
  transactor_.apply(Admin{session.id, request.sequence, request.confirmed, std::move(plan->verb)},
                    plan->payloads, {.done = &plan->done});
  return std::optional<Value>();
}

}  // namespace joinery::broker::server
