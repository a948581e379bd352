// joinery map: a job for each item, all in one batch, submitted in bulk while they are read.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/items.h"
#include "producer/cli/outcome.h"
#include "producer/cli/progress.h"
#include "producer/cli/template.h"
#include "producer/cli/tracker.h"
#include "producer/cli/waiting.h"

namespace joinery::cli {
namespace {

struct Flags : SubmissionFlags {
  bool nul = false;
  bool jsonl = false;
  bool no_wait = false;
  bool results = false;
  std::string name;
  std::optional<milliseconds> timeout;
};

constexpr const char* examples = R"(  find . -name '*.log' | joinery map exec -- gzip {}
  find . -print0 | joinery map -0 --results exec -- sha256sum {}
  joinery map exec -- convert {} {}.png ::: *.jpg
  joinery map resize ::: a.jpg b.jpg            resize("a.jpg"), resize("b.jpg")
  echo '["a.jpg", 75]' | joinery map --jsonl resize
Items are the lines of stdin, or what follows ":::"; empty ones are left out. {} becomes the item; without any {} it is
the last argument. Ends when all jobs have, with exit code 2 if not every one succeeded.)";

class Map {
 public:
  Map(Context& context, const Flags& flags, std::vector<std::string> words, Items items)
      : context_(context),
        flags_(flags),
        template_(flags, std::move(words)),
        items_(std::move(items)),
        options_(submit_options(flags, context.settings, read_clocks().wall)),
        client_(context.client()),
        bar_(context.out, read_clocks().mono) {
    if (flags.results && options_.spec.result_ttl_s == 0)
      throw UsageError("--results needs results that are kept (--keep-result)");
    if (flags.results && client_.redis_url().empty())
      throw ClientError({Code::no_result,
                         "--results: the broker keeps no results, as it has no Redis (redis.url is none)",
                         {}});
  }

  ~Map() {
    client_.on_outcome([](const JobOutcome&) {});
  }
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  ExitCode run() {
    warn_without_worker(context_, flags_.handler, options_.queue);
    if (flags_.results) {
      options_.watch = true;
      client_.on_outcome([this](const JobOutcome& outcome) { tracker_.ended(outcome); });
    }
    collect();
    if (options_.batch == 0) open_batch();
    Interrupt interrupt([this] { leave(); });
    try {
      return flags_.no_wait ? without_wait() : with_wait();
    } catch (const ClientError&) {
      interrupt.end_if_taken();
      bar_.clear();
      context_.out.note(fmt::format("{} had been submitted, in batch {}",
                                    plural(tracker_.accepted_count(), "job"), options_.batch));
      throw;
    }
  }

 private:
  // With the first job, so that there is no batch if that is refused. One that has to wait for room in a full
  // queue cannot open it, and goes with the others.
  void open_batch() {
    const std::string name = flags_.name.empty() ? "map " + flags_.handler : flags_.name;
    if (payloads_.empty() || !open_with_first(name)) options_.batch = client_.open_batch(name);
  }

  bool open_with_first(const std::string& name) {
    const FlowPart first{.handler = flags_.handler,
                         .payload = payloads_.front(),
                         .options = options_at(read_clocks().wall),
                         .after = {}};
    try {
      const SubmittedFlow flow = client_.submit_flow(name, {&first, 1});
      tracker_.accepted(flow.jobs.front(), 1);
      options_.batch = flow.batch;
    } catch (const ClientError& refused) {
      Error error = refused.error();
      constexpr std::string_view place = "groups[0].";
      if (error.field.starts_with(place)) error.field.erase(0, place.size());
      if (error.code != Code::queue_full || options_.refuse_when_full) throw ClientError(std::move(error));
      return false;
    }
    payloads_.erase(payloads_.begin());
    return true;
  }

  // After an interrupt: the jobs go on, and this is how to find them again. What still waits for room in a
  // full queue is withdrawn by the goodbye.
  void leave() {
    fmt::print(
        stderr,
        "\njoinery: the jobs go on: `joinery join --batch {0}` waits for them, `joinery batch cancel {0}` "
        "stops them\n",
        options_.batch);
    client_.close();
  }

  ExitCode without_wait() {
    submit_all();
    if (context_.out.json())
      context_.out.value(Json{{"batch", options_.batch}, {"submitted", tracker_.accepted_count()}});
    else
      context_.out.line(fmt::format("{}", options_.batch));
    return ExitCode::success;
  }

  ExitCode with_wait() {
    const auto work = [this] {
      submit_all();
      return client_.join_batch(options_.batch, flags_.timeout);
    };
    const bool looks = bar_.shown() || flags_.results;
    const Counts counts = while_waiting(work, milliseconds(looks ? 200 : 3'600'000), [this] { look(); });
    bar_.clear();
    if (flags_.results) print_rest();
    const std::string text = fmt::format("batch {}: {}: {}", options_.batch,
                                         plural(tracker_.accepted_count(), "job"), summary(counts));
    if (context_.out.json())
      context_.out.value(Json{{"batch", options_.batch},
                              {"submitted", tracker_.accepted_count()},
                              {"counts", counts_json(counts)}});
    else if (flags_.results)
      context_.out.note(text);
    else
      context_.out.line(text);
    if (!flags_.results && counts.failed != 0 && tracker_.accepted_count() != 0) name_failures();
    return exit_code(counts);
  }

  void look() {
    if (flags_.results) print_results(tracker_.take());
    if (!bar_.shown()) return;
    const Json reply = context_.request("batch.show", Json{{"batch", options_.batch}});
    bar_.show({tracker_.accepted_count(), read_to_end_, counts_of(member(reply, "counts"))},
              read_clocks().mono);
  }

  // What cannot be read now (Redis is away) stays in unprinted_, and is asked for again with what ends next.
  void print_results(std::vector<Tracker::Item> more) {
    for (Tracker::Item& item : more) unprinted_.push_back(std::move(item));
    if (unprinted_.empty()) return;
    bar_.clear();
    std::vector<JobOutcome> outcomes;
    for (const Tracker::Item& item : unprinted_) outcomes.push_back(item.outcome);
    const auto ended = with_results(client_, std::move(outcomes));
    const std::vector<Tracker::Item> items = std::exchange(unprinted_, {});
    for (std::size_t i = 0; i < ended.size(); ++i) {
      const MapItem item{items[i].index, take_name(items[i].index)};
      print_result(context_.out, ended[i], Form::readable, &item);
    }
    context_.out.flush();
  }

  std::string take_name(std::uint64_t index) {
    const std::lock_guard lock(names_mutex_);
    const auto node = names_.extract(index);
    return node.empty() ? std::string() : node.mapped();
  }

  // The first few, and how to see them all.
  void name_failures() {
    constexpr std::size_t named_most = 3;
    const Json dead =
        context_.jobs("dead.list", Json{{"queue", options_.queue}, {"after", tracker_.first() - 1}}, 1000);
    std::size_t named = 0;
    for (const Json& job : dead) {
      if (number(job, "batch") != options_.batch) continue;
      if (named++ == named_most) break;
      context_.out.note(fmt::format("job {} failed: {}", number(job, "job"), failure_text(job)));
    }
    context_.out.note("`joinery dead ls` lists all failed jobs, `joinery dead show JOB` shows one");
  }

  // The batch is joined, so every outcome is there to be had, though its message may be under way (or was
  // lost with a connection).
  void print_rest() {
    print_results(tracker_.take());
    const std::vector<JobId> missing = tracker_.missing();
    if (missing.empty()) return;
    for (JobOutcome& outcome : client_.wait(missing, flags_.timeout)) tracker_.ended(std::move(outcome));
    print_results(tracker_.take());
  }

  // The next group: it goes out when it is large enough, or when reading on might block.
  void collect() {
    constexpr std::size_t group_jobs = 1024;
    constexpr std::size_t group_bytes = 1U << 20U;
    payloads_.clear();
    std::size_t bytes = 0;
    for (std::string item; take(item);) {
      payloads_.push_back(payload_of(std::move(item)));
      bytes += payloads_.back().size();
      if (payloads_.size() >= group_jobs || bytes >= group_bytes || !items_.at_hand()) return;
    }
  }

  void submit_all() {
    if (payloads_.empty()) collect();  // the only one opened the batch
    for (; !payloads_.empty(); collect()) send();
    while (!under_way_.empty()) take_answer();
    read_to_end_ = true;
  }

  bool take(std::string& item) {
    const auto more = items_.next(item);
    if (!more) throw ClientError(more.error());
    return *more;
  }

  Buffer payload_of(std::string item) {
    if (flags_.results) {
      const std::lock_guard lock(names_mutex_);
      names_[next_index_++] = item;
    }
    try {
      return template_.payload(value_of(std::move(item)));
    } catch (const UsageError& error) {
      if (!error.error().field.empty()) throw;  // of an option, whatever the item
      throw wrong_item(fmt::format(": {}", error.what()));
    }
  }

  Json value_of(std::string item) const {
    if (!flags_.jsonl) return item;
    auto value = parse_json(item);
    if (!value) throw wrong_item(" is not JSON");
    return std::move(*value);
  }

  ClientError wrong_item(const std::string& what) const {
    return ClientError({Code::malformed_payload, items_.place() + what, {}});
  }

  // The times of a job count from its own submission.
  SubmitOptions options_at(Wall now) const {
    SubmitOptions options = options_;
    if (flags_.expires_in) options.expires_at = now + *flags_.expires_in;
    if (flags_.control.deadline_in) options.deadline = now + *flags_.control.deadline_in;
    return options;
  }

  void send() {
    const std::vector<Bytes> views(payloads_.begin(), payloads_.end());
    const SubmitOptions options = options_at(read_clocks().wall);
    under_way_.push_back({client_.submit_many(flags_.handler, views, options), payloads_.size()});
    while (!under_way_.empty() &&
           under_way_.front().first.wait_for(milliseconds(0)) == std::future_status::ready)
      take_answer();
  }

  void take_answer() {
    auto [first, count] = std::move(under_way_.front());
    under_way_.pop_front();
    while (!told_full_ && !bar_.shown() && first.wait_for(milliseconds(500)) != std::future_status::ready)
      told_full_ = note_full(context_, options_.queue);
    tracker_.accepted(first.get(), count);
  }

  Context& context_;
  const Flags& flags_;
  const Template template_;
  Items items_;
  SubmitOptions options_;
  Client& client_;
  Tracker tracker_;
  std::vector<Buffer> payloads_;          // of the group that goes out next
  std::vector<Tracker::Item> unprinted_;  // ended, and their results not read yet
  Bar bar_;
  std::deque<std::pair<std::future<JobId>, std::size_t>> under_way_;
  std::atomic<bool> read_to_end_ = false;
  bool told_full_ = false;
  std::mutex names_mutex_;
  std::unordered_map<std::uint64_t, std::string> names_;  // of items whose result is not printed yet
  std::uint64_t next_index_ = 0;
};

ExitCode map(Context& context, const Flags& flags) {
  if (flags.no_wait && flags.results)
    throw UsageError("--results: there is --no-wait too, and nobody would wait for them");
  if (flags.no_wait && flags.timeout)
    throw UsageError("--timeout: there is --no-wait too, so that there is nothing to stop");
  std::vector<std::string> words = flags.words;
  words.insert(words.end(), context.tail.begin(), context.tail.end());
  const auto mark = std::ranges::find(words, ":::");
  if (mark == words.end())
    return Map(context, flags, std::move(words), Items(STDIN_FILENO, flags.nul ? '\0' : '\n')).run();
  std::vector<std::string> arguments(mark + 1, words.end());
  words.erase(mark, words.end());
  return Map(context, flags, std::move(words), Items(std::move(arguments))).run();
}

}  // namespace

Run define_map(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("HANDLER", flags->handler, "what runs the jobs: exec, or a handler of a worker");
  arguments.positionals("TEMPLATE", flags->words,
                        "arguments of each job; after -- they may begin with a dash");
  arguments.flag("-0,--null", flags->nul, "items of stdin end with NUL instead of newline");
  arguments.flag("--jsonl", flags->jsonl, "each line of stdin is JSON: an array of arguments, or one value");
  arguments.flag("--results", flags->results, "print each result as its job ends, in any order");
  arguments.flag("--no-wait", flags->no_wait, "only submit, and print the batch");
  arguments.option("--name", flags->name, "of the batch");
  arguments.option("--timeout", flags->timeout, "stop waiting this long after the last submit (exit code 3)");
  add_submission(arguments, *flags);
  arguments.examples(examples);
  return [flags](Context& context) { return map(context, *flags); };
}

}  // namespace joinery::cli
