#include "conversation.h"

#include <fmt/format.h>

#include <charconv>
#include <deque>

namespace joinery::tests {

using namespace broker;

namespace {

std::string one(const Token& token) { return fmt::format("{}#{}", token.job, token.attempt); }

std::string one(const GroupAnswer& answer) {
  if (answer.error) return std::string(word(answer.error->code));
  if (answer.count == 1) return fmt::format("{}", answer.first);
  return fmt::format("{}..{}", answer.first, answer.first + answer.count - 1);
}

struct Describe {
  std::string operator()(const effect::Welcome& effect) const {
    return effect.resumed ? "resumed" : "welcome";
  }
  std::string operator()(const effect::Accepted& effect) const {
    std::string text = "accepted";
    for (const GroupAnswer& group : effect.groups) text += " " + one(group);
    if (effect.batch != 0) text += fmt::format(" batch={}", effect.batch);
    return text;
  }
  std::string operator()(const effect::Done& effect) const { return fmt::format("done {}", effect.number); }
  std::string operator()(const effect::Refused& effect) const {
    return fmt::format("refused {}", word(effect.error.code));
  }
  std::string operator()(const effect::Dispatch& effect) const {
    std::string text = "dispatch";
    for (const effect::Delivery& delivery : effect.deliveries) text += " " + one(delivery.token);
    return text;
  }
  std::string operator()(const effect::Acked& effect) const {
    std::string text = "acked";
    if (!effect.refused.empty()) text += " refused";
    for (const Token& token : effect.refused) text += " " + one(token);
    return text;
  }
  std::string operator()(const effect::Revoke& effect) const {
    std::string text = fmt::format("revoke {}", word(effect.reason));
    for (const Token& token : effect.tokens) text += " " + one(token);
    if (!effect.grace) text += " again";
    return text;
  }
  std::string operator()(const effect::Joined& effect) const { return "joined " + describe(effect.counts); }
  std::string operator()(const effect::Outcomes& effect) const {
    std::string text = "outcomes";
    for (const effect::JobOutcome& job : effect.jobs) {
      text += fmt::format(" {}={}", job.job, job.known ? word(job.outcome) : "unknown");
    }
    return text;
  }
  std::string operator()(const effect::Gone&) const { return "gone"; }
};

}  // namespace

std::string describe(const Counts& counts) {
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"parked", counts.parked}, {"scheduled", counts.scheduled}, {"blocked", counts.blocked},
      {"ready", counts.ready},   {"running", counts.running},     {"succeeded", counts.succeeded},
      {"failed", counts.failed}, {"cancelled", counts.cancelled}, {"expired", counts.expired}};
  std::string text;
  for (const auto& [name, number] : numbers) {
    if (number != 0) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, number);
  }
  return text;
}

SessionId Conversation::id(const std::string& name) {
  const auto [entry, fresh] = ids_.try_emplace(name, SessionId{7, ids_.size() + 1});
  if (fresh) names_[entry->second] = name;
  return entry->second;
}

std::string Conversation::text(const std::vector<Effect>& effects) {
  std::string all;
  for (const Effect& effect : effects) {
    const SessionId session = std::visit([](const auto& some) { return some.session; }, effect);
    std::string said = std::visit(Describe{}, effect);
    const std::size_t space = std::min(said.find(' '), said.size());
    said.insert(space, " " + names_[session]);
    all += (all.empty() ? "" : "; ") + said;
  }
  return all;
}

std::vector<Token> Conversation::tokens(const std::string& list) const {
  std::vector<Token> all;
  for (const char* at = list.data(); at < list.data() + list.size(); ++at) {
    Token& token = all.emplace_back();
    const char* end = list.data() + list.size();
    at = std::from_chars(at, end, token.job).ptr + 1;
    at = std::from_chars(at, end, token.attempt).ptr;
    const auto job = driver.core->job(token.job);
    token.epoch = job && job->token.attempt == token.attempt ? job->token.epoch : driver.core->epoch();
  }
  return all;
}

std::string Conversation::producer(const std::string& name) {
  return text(driver.apply(Connect{.session = id(name), .role = Role::producer, .worker = {}, .held = {}}));
}

std::string Conversation::worker(const std::string& name, std::vector<std::string> queues) {
  return worker(name, std::move(queues), WorkerOptions{});
}

std::string Conversation::worker(const std::string& name, std::vector<std::string> queues,
                                 WorkerOptions options) {
  WorkerInfo info{.name = name,
                  .host = "here",
                  .pid = 1,
                  .processes = options.processes,
                  .threads = 1,
                  .queues = std::move(queues),
                  .weights = options.weights,
                  .handlers = options.handlers,
                  .capacity = options.capacity};
  return text(driver.apply(Connect{id(name), Role::worker, std::move(info), tokens(options.held)}));
}

std::string Conversation::disconnect(const std::string& name, bool goodbye) {
  return text(driver.apply(Disconnect{id(name), goodbye}));
}

std::string Conversation::submit(const std::string& who, const std::string& queue, std::uint32_t count) {
  return submit(who, queue, Put{.count = count});
}

namespace {

Columns columns_of(Put& put) {
  if (put.key.size() == 1) put.key.resize(put.count, put.key.front());
  return {put.priority,   put.delay_ms,    put.run_at_ms, put.expires_at_ms, put.key,
          put.unique_key, put.deadline_ms, put.after,     put.after_batches};
}

}  // namespace

std::string Conversation::submit(const std::string& who, const std::string& queue, Put put) {
  const std::vector<std::uint32_t> sizes(put.count, 100);
  const Columns columns = columns_of(put);
  const PutGroup group{.queue = queue,
                       .spec = driver.intern(put.spec),
                       .batch = put.batch,
                       .parent = put.parent,
                       .sizes = sizes,
                       .columns = columns == Columns{} ? nullptr : &columns};
  const std::uint64_t sequence = put.sequence != 0 ? put.sequence : ++sequences_[who];
  return text(driver.apply(Submit{.session = id(who),
                                  .sequence = sequence,
                                  .confirmed = put.confirmed,
                                  .groups = {&group, 1},
                                  .when_full = put.when_full,
                                  .park_timeout = put.timeout,
                                  .watch = put.watch,
                                  .under = put.under}));
}

std::string Conversation::flow(const std::string& who, std::string_view name,
                               std::vector<std::pair<std::string, Put>> puts) {
  std::deque<Columns> columns;
  std::deque<std::vector<std::uint32_t>> sizes;
  std::vector<PutGroup> groups;
  for (auto& [queue, put] : puts) {
    groups.push_back({.queue = queue,
                      .spec = driver.intern(put.spec),
                      .batch = put.batch,
                      .sizes = sizes.emplace_back(put.count, 100),
                      .columns = &columns.emplace_back(columns_of(put))});
  }
  return text(driver.apply(Submit{.session = id(who),
                                  .sequence = ++sequences_[who],
                                  .groups = groups,
                                  .park_timeout = {},
                                  .under = puts.front().second.under,
                                  .flow = name}));
}

std::string Conversation::finish(const std::string& who, const std::string& list) {
  std::vector<Run> runs;
  for (const Token& token : tokens(list)) runs.push_back({token.job, 1, token.attempt, token.epoch});
  return text(driver.apply(
      Finish{.session = id(who), .sequence = ++sequences_[who], .succeeded = runs, .reports = {}}));
}

std::string Conversation::report(const std::string& who, const std::string& token, Said said) {
  const Report report{
      said.kind, tokens(token).front(), Failure{said.code, "type", said.message, who, {}}, {}};
  return finish_with(who, report, {});
}

std::string Conversation::succeed_with_child(const std::string& who, const std::string& token,
                                             const std::string& queue) {
  const std::uint32_t size = 10;
  const PutGroup child{.queue = queue, .spec = driver.intern(Put::default_spec()), .sizes = {&size, 1}};
  return finish_with(who, Report{Report::Kind::succeeded, tokens(token).front(), {}, {}}, {&child, 1});
}

std::string Conversation::finish_with(const std::string& who, const Report& report,
                                      std::span<const PutGroup> children) {
  const CoreReport core_report{&report, children};
  return text(driver.apply(Finish{
      .session = id(who), .sequence = ++sequences_[who], .succeeded = {}, .reports = {&core_report, 1}}));
}

std::string Conversation::hold(const std::string& who, const std::string& token, const std::string& node,
                               std::optional<std::uint64_t> interval_ms, std::optional<Wall> until) {
  return text(driver.apply(HoldKey{.session = id(who),
                                   .token = tokens(token).front(),
                                   .node = node,
                                   .interval_ms = interval_ms,
                                   .until = until}));
}

std::string Conversation::join(const std::string& who, Target target) {
  return text(driver.apply(Join{id(who), ++sequences_[who], std::move(target)}));
}

std::string Conversation::watch(const std::string& who, std::vector<JobId> jobs) {
  return text(driver.apply(Watch{id(who), ++sequences_[who], jobs}));
}

std::string Conversation::counts(const std::string& queue) const {
  const auto view = driver.core->queue(queue);
  return view ? describe(view->counts) : "no queue";
}

std::string Conversation::state(JobId id) const {
  const auto job = driver.core->job(id);
  if (!job) return "unknown";
  return std::string(job->outcome ? word(*job->outcome) : word(job->state));
}

}  // namespace joinery::tests
