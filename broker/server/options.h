// The options of joinery-broker: one table, from which flags, environment, file, --help and --print-config
// follow. config/broker.toml explains each.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "shared/base/error.h"
#include "shared/config/config.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"
#include "shared/job/schedule.h"

namespace joinery::broker::server {

// Most bytes of a journal record beside the payloads of its frame.
constexpr std::uint64_t record_headroom = std::uint64_t{8} << 20U;

struct BrokerOptions {
  std::string endpoint = "tcp://127.0.0.1:7733";
  std::string data_dir = "joinery-data";

  config::Bytes segment_size{std::uint64_t{64} << 20U};
  config::Milliseconds interval{std::chrono::milliseconds(100)};

  config::Bytes payload_max{limits::payload_max_default};
  config::Bytes frame_max{limits::frame_max_default};

  config::Milliseconds lease{std::chrono::seconds(15)};
  config::Milliseconds reconnect_grace{std::chrono::seconds(1)};
  config::Milliseconds heartbeat{std::chrono::seconds(3)};

  std::string redis_url;
  std::string redis_server = "redis-server";
  config::Milliseconds redis_patience{std::chrono::seconds(30)};

  bool create_queues = true;
  std::string mode = "fifo";
  std::string durability = "sync";
  std::uint32_t maxsize = 0;
  bool fair = false;
  config::Bytes history_bytes{limits::history_bytes_default};
  config::Milliseconds history_age{std::chrono::milliseconds(limits::history_age_ms_default)};
  config::Bytes history_memory{std::uint64_t{256} << 20U};

  std::string log_level = "info";

  std::uint32_t ready_fd = 0;  // 0: none
  bool health = false;
  bool check_journal = false;
  bool repair_journal = false;

  // What a table queue.NAME says; what it leaves out is as in [queues].
  struct QueueTable {
    std::optional<Mode> mode;
    std::optional<Durability> durability;
    std::optional<std::uint64_t> maxsize;
    std::optional<bool> fair;
    SpecDefaults defaults;
    std::optional<std::uint64_t> history_bytes;
    std::optional<std::uint64_t> history_age_ms;
  };
  std::map<std::string, QueueTable> queues;
  std::vector<Limit> limits;        // tables limit.PATTERN
  std::vector<Schedule> schedules;  // tables schedule.NAME

  QueueOptions queue_defaults() const;
  QueueOptions of_queue(const QueueTable& table) const;
};

// `out` must outlive `options`.
void describe(config::Options& options, BrokerOptions& out);
// What no single option can be wrong about. Error: invalid_config, with the field.
Result<> check(const BrokerOptions& options);

}  // namespace joinery::broker::server
