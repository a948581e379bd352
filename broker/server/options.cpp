#include "broker/server/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "broker/server/limits.h"
#include "broker/server/queue_defaults.h"
#include "broker/server/schedule_table.h"
#include "shared/redis/redis.h"
#include "shared/transport/endpoint.h"

namespace joinery::broker::server {

namespace {

// Beside the payload: clients put jobs of up to 1 MiB in front of it into a frame, workers reports of up to 4
// MiB.
constexpr std::uint64_t frame_headroom = 8U << 20U;

template <typename T>
Result<> take_word(const std::string& key, const std::string& text, std::optional<T> value, const char* words,
                   std::optional<T>& out) {
  if (!value)
    return fail(Code::invalid_config, fmt::format("{} is '{}'; expected {}", key, text, words), key);
  out = value;
  return {};
}

Result<> take_queue_key(const std::string& key, const std::string& text, BrokerOptions::QueueTable& out) {
  if (key == "mode") return take_word(key, text, mode_from_word(text), "fifo, lifo or priority", out.mode);
  if (key == "durability") {
    return take_word(key, text, durability_from_word(text), "sync, interval or none", out.durability);
  }
  if (key == "fair") {
    if (text != "true" && text != "false")
      return fail(Code::invalid_config, fmt::format("fair is '{}'; expected true or false", text), key);
    out.fair = text == "true";
    return {};
  }
  if (key == "history_bytes") {
    const Result<std::uint64_t> size = config::parse_size(text);
    if (!size) return fail(Code::invalid_config, fmt::format("{}: {}", key, size.error().message), key);
    out.history_bytes = *size;
    return {};
  }
  if (key == "history_age") {
    const auto age = config::parse_duration(text);
    if (!age) return fail(Code::invalid_config, fmt::format("{}: {}", key, age.error().message), key);
    out.history_age_ms = static_cast<std::uint64_t>(age->count());
    return {};
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(Code::invalid_config, fmt::format("{} is '{}'; expected a whole number of jobs", key, text),
                key);
  }
  out.maxsize = number;
  return {};
}

Result<> take_queue(const std::string& name, const config::Options::Table& entries, BrokerOptions& out) {
  if (Result<> valid = validate_name(name, "queue." + name); !valid) {
    return fail(Code::invalid_config, valid.error().message, valid.error().field);
  }
  BrokerOptions::QueueTable table;
  for (const auto& [key, values] : entries) {
    const bool of_jobs = std::ranges::find(default_keys(), key) != default_keys().end();
    if (!of_jobs && values.size() != 1)
      return fail(Code::invalid_config, fmt::format("{} takes one value", key), key);
    const Result<> taken =
        of_jobs ? take_default(key, values, table.defaults) : take_queue_key(key, values.front(), table);
    if (!taken) return taken;
  }
  if (Result<> valid = validate(table.defaults); !valid)
    return fail(Code::invalid_config, valid.error().message, valid.error().field);
  out.queues[name] = std::move(table);
  return {};
}

// Without the password. What is no URL might have one in it all the same.
std::string shown_url(const std::string& url) {
  if (url.empty() || url == "none") return url;
  const Result<redis::Url> parsed = redis::parse_url(url);
  return parsed ? redis::to_string(*parsed) : "***";
}

}  // namespace

void describe(config::Options& options, BrokerOptions& out) {
  options.add("endpoint", out.endpoint, "where to listen: tcp://ADDRESS:PORT, or ipc:///PATH");
  options.check("endpoint", transport::check_local);
  options.add("data-dir", out.data_dir, "directory of the journal and of the private Redis; made if need be");

  options.add("journal.segment_size", out.segment_size, "size of a file of the journal");
  options.add("journal.interval", out.interval,
              "longest time between syncs for queues of durability interval");

  options.add("limits.payload_max", out.payload_max, "largest payload of a job");
  options.add("limits.frame_max", out.frame_max, "largest frame from a client or worker");

  options.add("worker.lease", out.lease, "a worker that was not heard for so long is lost");
  options.add("worker.reconnect_grace", out.reconnect_grace,
              "a worker whose connection broke is lost after this");
  options.add("worker.heartbeat", out.heartbeat, "how often silent clients and workers say that they live");

  options.add(
      "redis.url", out.redis_url,
      "your Redis: redis://[:password@]host[:port][/database] or unix:///path; empty: a private one; none");
  options.show_as("redis.url", shown_url);
  options.add("redis.server", out.redis_server, "program of the private Redis: a name in PATH, or a path");
  options.add("redis.patience", out.redis_patience, "how long to wait at the start until Redis answers");

  options.add("queues.create", out.create_queues, "a submit to an unknown queue creates it");
  options.add("queues.mode", out.mode, "order of new queues", {"fifo", "lifo", "priority"});
  options.add("queues.durability", out.durability, "what accepted means in new queues",
              {"sync", "interval", "none"});
  options.add("queues.maxsize", out.maxsize, "most waiting jobs of new queues; 0: no limit");
  options.add("queues.fair", out.fair, "keys of new queues take turns");
  options.add("queues.history_bytes", out.history_bytes,
              "how much new queues remember of jobs that have ended; 0: nothing");
  options.add("queues.history_age", out.history_age, "and how long; 0: not at all");
  options.add("queues.history_memory", out.history_memory, "most that all queues together remember");
  options.tables("limit", {"concurrency", "rate", "burst", "interval", "weight"},
                 [&out](const std::string& pattern, const config::Options::Table& entries) -> Result<> {
                   Result<Limit> limit = limit_of_table(pattern, entries);
                   if (!limit) return std::unexpected(limit.error());
                   out.limits.push_back(std::move(*limit));
                   return {};
                 });
  options.tables("schedule", schedule_keys(),
                 [&out](const std::string& name, const config::Options::Table& entries) -> Result<> {
                   Result<Schedule> schedule = schedule_of_table(name, entries);
                   if (!schedule) return std::unexpected(schedule.error());
                   out.schedules.push_back(std::move(*schedule));
                   return {};
                 });
  std::vector<std::string> queue_keys{"mode", "durability",    "maxsize",
                                      "fair", "history_bytes", "history_age"};
  queue_keys.insert(queue_keys.end(), default_keys().begin(), default_keys().end());
  options.tables("queue", queue_keys, [&out](const std::string& name, const config::Options::Table& entries) {
    return take_queue(name, entries, out);
  });

  options.add("log.level", out.log_level, "least severity that is logged", config::log_levels);
  options.reloadable("log.level");

  options.add("ready-fd", out.ready_fd, "write the bound endpoint to this descriptor when ready; 0: do not");
  options.add("health", out.health, "ask the broker at the endpoint whether it is well: exit code 0 or 1");
  options.add("check-journal", out.check_journal,
              "say what is in the journal of data-dir, and where it is damaged: exit code 0 or 82");
  options.add("repair-journal", out.repair_journal,
              "give up what stands behind the first damage, move it aside, and name the jobs in it");
  options.examples(
      "  joinery-broker\n"
      "  joinery-broker --endpoint 'tcp://*:7733' --data-dir /var/lib/joinery --redis-url "
      "redis://redis:6379\n"
      "  joinery-broker --health\n"
      "  joinery-broker --data-dir /var/lib/joinery --check-journal\n"
      "SIGTERM stops it when all is on disk; SIGHUP reads log.level and the tables [queue.NAME], "
      "[limit.PATTERN] and [schedule.NAME] again.\n");
}

Result<> check(const BrokerOptions& options) {
  if (options.frame_max.value < options.payload_max.value + frame_headroom) {
    return fail(Code::invalid_config,
                fmt::format("limits.frame_max must be at least limits.payload_max and {} more",
                            config::format_size(frame_headroom)),
                "limits.frame_max");
  }
  if (options.payload_max.value > UINT32_MAX) {
    return fail(Code::invalid_config, "limits.payload_max must be below 4GiB", "limits.payload_max");
  }
  if (!std::has_single_bit(options.segment_size.value) ||
      options.segment_size.value < options.frame_max.value + record_headroom) {
    return fail(
        Code::invalid_config,
        fmt::format("journal.segment_size must be a power of two, and at least limits.frame_max and {} more",
                    config::format_size(record_headroom)),
        "journal.segment_size");
  }
  if (options.heartbeat.value.count() < 1 || options.heartbeat.value * 2 > options.lease.value) {
    return fail(Code::invalid_config, "worker.heartbeat must be at most half of worker.lease",
                "worker.heartbeat");
  }
  return {};
}

QueueOptions BrokerOptions::queue_defaults() const {
  return {.mode = mode_from_word(mode).value_or(Mode::fifo),
          .durability = durability_from_word(durability).value_or(Durability::sync),
          .maxsize = maxsize,
          .fair = fair,
          .history_bytes = history_bytes.value,
          .history_age_ms = static_cast<std::uint64_t>(history_age.value.count())};
}

QueueOptions BrokerOptions::of_queue(const QueueTable& table) const {
  const QueueOptions defaults = queue_defaults();
  return {.mode = table.mode.value_or(defaults.mode),
          .durability = table.durability.value_or(defaults.durability),
          .maxsize = table.maxsize.value_or(defaults.maxsize),
          .fair = table.fair.value_or(defaults.fair),
          .defaults = table.defaults,
          .history_bytes = table.history_bytes.value_or(defaults.history_bytes),
          .history_age_ms = table.history_age_ms.value_or(defaults.history_age_ms)};
}

}  // namespace joinery::broker::server
