// joinery limit set|ls|rm
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::string pattern;
  std::optional<std::uint64_t> concurrency, burst, weight;
  std::string rate;
  std::optional<milliseconds> interval;
};

std::string rate_text(const Json& limit) {
  if (number(limit, "rate") == 0) return "-";
  const auto period = milliseconds(number(limit, "period_ms"));
  std::string text = fmt::format("{}/{}", number(limit, "rate"), config::format_duration(period));
  if (number(limit, "burst") > 1) text += fmt::format(", bursts of {}", number(limit, "burst"));
  return text;
}

Table limit_table(const Json& limits) {
  Table table{{"KEY", ">CONCURRENCY", "RATE", "INTERVAL", ">WEIGHT", "SET"}, {}};
  for (const Json& limit : limits) {
    const std::uint64_t concurrency = number(limit, "concurrency");
    const auto interval = milliseconds(number(limit, "interval_ms"));
    table.rows.push_back({text(limit, "pattern"), concurrency == 0 ? "-" : count(concurrency),
                          rate_text(limit), interval.count() == 0 ? "-" : config::format_duration(interval),
                          count(number(limit, "weight")),
                          truth(limit, "declared") ? "in broker.toml" : "here"});
  }
  return table;
}

Json arguments_of(const Flags& flags) {
  Json map{{"pattern", flags.pattern}};
  if (flags.concurrency) map["concurrency"] = *flags.concurrency;
  if (flags.burst) map["burst"] = *flags.burst;
  if (flags.weight) map["weight"] = *flags.weight;
  if (flags.interval && flags.interval->count() == 0) throw UsageError("--interval: 0 is no interval");
  if (flags.interval) map["interval_ms"] = flags.interval->count();
  if (flags.rate.empty()) return map;
  const auto rate = config::parse_rate(flags.rate);
  if (!rate) throw UsageError("--rate: " + rate.error().message);
  map["rate"] = rate->number;
  map["period_ms"] = rate->period.count();
  return map;
}

}  // namespace

Run define_limit_set(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("KEY", flags->pattern, "host:example.org, or a pattern: 'host:*'");
  arguments.option("--concurrency", flags->concurrency, "jobs of each such key that may run at a time");
  arguments.option("--rate", flags->rate, "how many of each may start in a time: 10/s, 600/m, 5/250ms",
                   "N/TIME");
  arguments.option("--burst", flags->burst, "how many may start at once after a pause; else 1");
  arguments.option("--interval", flags->interval, "least time between two starts");
  arguments.option("--weight", flags->weight, "share of such a key in fair queues; else 1");
  arguments.examples(
      "  joinery limit set 'host:*' --concurrency 2 --interval 1s\n"
      "  joinery limit set host:example.org --rate 10/s --burst 5\n"
      "  joinery limit set tenant:gold --weight 3\n");
  return [flags](Context& context) {
    const Json reply = context.request("limit.set", arguments_of(*flags));
    if (context.out.json())
      context.out.value(reply);
    else
      context.out.table(limit_table(Json::array({reply})), "");
    return ExitCode::success;
  };
}

Run define_limit_ls(Arguments&) {
  return [](Context& context) {
    const Json reply = context.request("limit.list");
    if (context.out.json())
      context.out.value(member(reply, "limits"));
    else
      context.out.table(limit_table(member(reply, "limits")), "no limits");
    return ExitCode::success;
  };
}

Run define_limit_rm(Arguments& arguments) {
  auto pattern = std::make_shared<std::string>();
  arguments.positional("KEY", *pattern, "as it was set");
  return [pattern](Context& context) {
    const Json reply = context.request("limit.delete", Json{{"pattern", *pattern}});
    if (context.out.json())
      context.out.value(reply);
    else
      context.out.line(fmt::format("the limit of {} is removed; broker.toml may have one", *pattern));
    return ExitCode::success;
  };
}

}  // namespace joinery::cli
