// joinery status, joinery stats
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string redis_text(const Json& redis) {
  const std::string mode = text(redis, "mode", "none");
  if (mode == "none") return mode;
  const std::string problem = text(redis, "problem");
  const std::string state = truth(redis, "up") ? "up" : problem.empty() ? "AWAY" : "AWAY (" + problem + ")";
  return fmt::format("{}, {}, {}", mode, state, text(redis, "url", "-"));
}

Pairs status_pairs(const Json& status) {
  return {
      {"broker", fmt::format("{} {}, up {}", text(status, "endpoint"), text(status, "version"),
                             span(static_cast<std::int64_t>(number(status, "uptime_ms"))))},
      {"data", fmt::format("{}, life {}", text(status, "data_dir"), number(status, "epoch"))},
      {"redis", redis_text(member(status, "redis"))},
      {"here",
       fmt::format("{}, {}, {}", plural(number(status, "workers"), "worker"),
                   plural(number(status, "clients"), "client"), plural(number(status, "queues"), "queue"))},
      {"jobs", summary(counts_of(member(status, "counts")))},
  };
}

Pairs stats_pairs(const Json& stats) {
  Pairs pairs = status_pairs(stats);
  const Json& journal = member(stats, "journal");
  const Json& memory = member(stats, "memory");
  const Json& frames = member(stats, "frames");
  pairs.emplace_back(
      "journal", fmt::format("{} on disk, {} live, {} written", size(number(journal, "disk_bytes")),
                             size(number(journal, "live_bytes")), size(number(journal, "appended_bytes"))));
  pairs.emplace_back("", fmt::format("{}, {}, {}", plural(number(journal, "records"), "record"),
                                     plural(number(journal, "syncs"), "sync"),
                                     plural(number(journal, "checkpoints"), "checkpoint")));
  pairs.emplace_back("memory", fmt::format("{} in all, {} for jobs", size(number(memory, "rss_bytes")),
                                           size(number(memory, "core_bytes"))));
  pairs.emplace_back("frames",
                     fmt::format("{} in, {} out", count(number(frames, "in")), count(number(frames, "out"))));
  return pairs;
}

Run show(const char* verb, Pairs (*pairs)(const Json&)) {
  return [verb, pairs](Context& context) {
    const Json reply = context.request(verb);
    context.out.json() ? context.out.value(reply) : context.out.pairs(pairs(reply));
    return ExitCode::success;
  };
}

}  // namespace

Run define_status(Arguments&) { return show("status", status_pairs); }
Run define_stats(Arguments&) { return show("stats", stats_pairs); }

}  // namespace joinery::cli
