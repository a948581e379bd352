// joinery queue ls|show|pause|resume|purge|configure
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"
#include "producer/cli/queue_defaults.h"
#include "producer/cli/who.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

std::string paused_text(const Json& queue) {
  if (!truth(queue, "paused")) return "no";
  std::string out = ago(static_cast<std::int64_t>(number(queue, "paused_since_ms")), read_clocks().wall);
  if (const std::string who = text(queue, "paused_by"); !who.empty()) out += " by " + who;
  if (const std::string why = text(queue, "pause_reason"); !why.empty()) out += ": " + why;
  return out;
}

std::string maxsize_text(const Json& queue) {
  const std::uint64_t maxsize = number(queue, "maxsize");
  return maxsize == 0 ? "-" : count(maxsize);
}

std::string history_text(const Json& queue) {
  const std::uint64_t bytes = number(queue, "history_bytes");
  const std::uint64_t age = number(queue, "history_age_ms");
  if (bytes == 0 || age == 0) return "none";
  const Json& kept = member(queue, "history");
  return fmt::format(
      "{} jobs in {} (at most {}, {})", count(number(kept, "jobs")), size(number(kept, "bytes")), size(bytes),
      config::format_duration(
          milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(age, INT64_MAX / 1000)))));
}

Table queue_table(const Json& queues) {
  Table table{
      {"QUEUE", "MODE", "DURABILITY", ">MAXSIZE", ">WAITING", ">RUNNING", ">SUCCEEDED", ">FAILED", "PAUSED"},
      {}};
  for (const Json& queue : queues) {
    const Counts counts = counts_of(member(queue, "counts"));
    const std::uint64_t waiting = counts.parked + counts.scheduled + counts.blocked + counts.ready;
    table.rows.push_back({text(queue, "name"), text(queue, "mode"), text(queue, "durability"),
                          maxsize_text(queue), count(waiting), count(counts.running), count(counts.succeeded),
                          count(counts.failed), paused_text(queue)});
  }
  return table;
}

ExitCode print_queue(Context& context, const Json& queue) {
  if (context.out.json()) {
    context.out.value(queue);
  } else {
    context.out.pairs({{"queue", text(queue, "name")},
                       {"mode", text(queue, "mode")},
                       {"durability", text(queue, "durability")},
                       {"maxsize", maxsize_text(queue)},
                       {"fair", truth(queue, "fair") ? "yes" : "no"},
                       {"defaults", defaults_text(member(queue, "defaults"))},
                       {"history", history_text(queue)},
                       {"paused", paused_text(queue)},
                       {"jobs", summary(counts_of(member(queue, "counts")))}});
  }
  return ExitCode::success;
}

struct Flags {
  std::string queue;
  std::string reason;
  std::string mode;
  std::string durability;
  std::optional<std::uint64_t> maxsize;
  std::string fair;
  QueueDefaultsFlags defaults;
  std::string history_bytes;
  std::optional<milliseconds> history_age;
};

// A command about one queue: the verb's arguments are made from the flags.
Run with_queue(Arguments& arguments, const std::shared_ptr<Flags>& flags, const char* verb,
               void (*fill)(const Flags&, Json&) = nullptr) {
  arguments.positional("QUEUE", flags->queue, "name of the queue");
  return [flags, verb, fill](Context& context) {
    Json map{{"queue", flags->queue}};
    if (fill != nullptr) fill(*flags, map);
    return print_queue(context, context.request(verb, map));
  };
}

void fill_configuration(const Flags& flags, Json& map) {
  if (!flags.mode.empty()) map["mode"] = flags.mode;
  if (!flags.durability.empty()) map["durability"] = flags.durability;
  if (flags.maxsize) map["maxsize"] = *flags.maxsize;
  if (Json defaults = defaults_of(flags.defaults); !defaults.is_null()) map["defaults"] = std::move(defaults);
  if (flags.history_age) map["history_age_ms"] = flags.history_age->count();
  if (!flags.history_bytes.empty()) {
    const Result<std::uint64_t> size = config::parse_size(flags.history_bytes);
    if (!size) throw UsageError(fmt::format("--history-bytes: {}", size.error().message));
    map["history_bytes"] = *size;
  }
  if (flags.fair.empty()) return;
  if (flags.fair != "yes" && flags.fair != "no")
    throw UsageError(fmt::format("--fair: \"{}\" is not yes or no", flags.fair));
  map["fair"] = flags.fair == "yes";
}

}  // namespace

Run define_queue_ls(Arguments&) {
  return [](Context& context) {
    const Json queues = context.all_of("queue.list", "queues");
    context.out.json() ? context.out.value(queues) : context.out.table(queue_table(queues), "no queues");
    return ExitCode::success;
  };
}

Run define_queue_show(Arguments& arguments) {
  return with_queue(arguments, std::make_shared<Flags>(), "queue.show");
}

Run define_queue_pause(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.option("--reason", flags->reason, "shown to everyone who asks why nothing runs");
  return with_queue(arguments, flags, "queue.pause", [](const Flags& set, Json& map) {
    map["who"] = user_and_host();
    map["why"] = set.reason;
  });
}

Run define_queue_resume(Arguments& arguments) {
  return with_queue(arguments, std::make_shared<Flags>(), "queue.resume");
}

Run define_queue_configure(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.option("--mode", flags->mode, "order of the jobs", "fifo|lifo|priority");
  arguments.option("--durability", flags->durability, "what accepted means", "sync|interval|none");
  arguments.option("--maxsize", flags->maxsize, "jobs that may wait; 0: no limit");
  arguments.option("--fair", flags->fair, "whether the outermost levels of the keys take turns", "yes|no");
  arguments.option("--history-bytes", flags->history_bytes,
                   "how much is remembered of jobs that have ended; 0: nothing", "SIZE");
  arguments.option("--history-age", flags->history_age, "and how long; 0: not at all");
  add_queue_defaults(arguments, flags->defaults);
  arguments.examples(
      "  joinery queue configure mail --maxsize 1000 --durability sync\n"
      "  joinery queue configure crawl --attempts 5 --backoff fixed:30s --keep-result 1h\n"
      "  joinery queue configure crawl --unset backoff\n");
  return with_queue(arguments, flags, "queue.configure", fill_configuration);
}

Run define_queue_purge(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("QUEUE", flags->queue, "name of the queue");
  return [flags](Context& context) {
    return context.act("queue.purge", Json{{"queue", flags->queue}}, "cancelled");
  };
}

}  // namespace joinery::cli
