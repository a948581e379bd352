// joinery-broker: builds the broker's world, runs its loop, and says by exit code why it could not.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "broker/core/core.h"
#include "broker/journal/open_journal.h"
#include "broker/server/engine.h"
#include "broker/server/health.h"
#include "broker/server/journal_tools.h"
#include "broker/server/options.h"
#include "broker/server/redis_runner.h"
#include "broker/server/restore.h"
#include "shared/base/descriptors.h"
#include "shared/base/exit_code.h"
#include "shared/base/unique_fd.h"
#include "shared/results/results.h"

namespace joinery::broker::server {
namespace {

int exit_of(ExitCode code) { return static_cast<int>(code); }

ExitCode exit_code_of(Code code) {
  switch (code) {
    case Code::endpoint_taken: return ExitCode::endpoint_taken;
    case Code::journal_locked: return ExitCode::data_locked;
    case Code::journal_corrupt: return ExitCode::journal_corrupt;
    case Code::unsupported_format: return ExitCode::unsupported_format;
    case Code::redis_unreachable: return ExitCode::redis_missing;
    case Code::disk_full: return ExitCode::disk_full;
    case Code::io_error: return ExitCode::io_error;
    case Code::invalid_config:
    case Code::invalid_argument: return ExitCode::config;
    default: return ExitCode::internal;
  }
}

int refuse_start(const Error& error) {
  spdlog::critical("cannot start: {}", error.message);
  return exit_of(exit_code_of(error.code));
}

int refuse_journal(const Error& error, const std::string& data_dir) {
  if (error.code == Code::journal_corrupt) {
    spdlog::critical(
        "nothing was changed in {}: --check-journal lists all damage, and --repair-journal gives up "
        "what is lost, by name",
        data_dir);
  }
  return refuse_start(error);
}

// From the journal's own thread: nothing becomes durable any more, so nothing may be answered any more.
[[noreturn]] void stop_at_once(const Error& error) {
  spdlog::critical("the journal cannot be written: {}; nothing that was accepted is lost", error.message);
  ::_exit(exit_of(exit_code_of(error.code)));
}

void begin_log(const std::string& level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("broker"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n: %v");
  spdlog::set_level(spdlog::level::from_str(level));
}

// Before any thread is made, so that all inherit it.
unique_fd block_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may grow no further is an error of the write, as a full disk is
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return unique_fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

Result<std::string> make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  const std::filesystem::path absolute =
      error ? std::filesystem::path() : std::filesystem::canonical(path, error);
  if (!error) return absolute.string();
  const Code code = error == std::errc::no_space_on_device ? Code::disk_full : Code::io_error;
  return fail(code, fmt::format("cannot make the data directory {}: {}", path, error.message()), "data-dir");
}

CoreOptions core_options(const BrokerOptions& options, std::uint64_t seed) {
  CoreOptions out;
  out.lease = options.lease.value;
  out.reconnect_grace = options.reconnect_grace.value;
  out.create_queues = options.create_queues;
  out.keeps_results = options.redis_url != "none";
  out.queue_defaults = options.queue_defaults();
  out.limits = options.limits;
  out.history_bytes = options.history_memory.value;
  out.seed = seed;
  return out;
}

JournalOptions journal_options(const BrokerOptions& options, const std::string& data_dir) {
  JournalOptions out;
  out.directory = data_dir;
  out.segment_bytes = options.segment_size.value;
  out.record_bytes_max = options.frame_max.value + record_headroom;
  out.interval = options.interval.value;
  return out;
}

protocol::Welcome welcome(const BrokerOptions& options, SessionId id, const RedisRunner& redis) {
  protocol::Welcome out;
  out.broker = id;
  out.redis_url = redis.url();
  out.heartbeat_ms = static_cast<std::uint32_t>(options.heartbeat.value.count());
  out.lease_ms = static_cast<std::uint32_t>(options.lease.value.count());
  out.frame_max = options.frame_max.value;
  out.payload_max = options.payload_max.value;
  return out;
}

std::map<std::string, QueueOptions> queue_tables(const BrokerOptions& options) {
  std::map<std::string, QueueOptions> out;
  for (const auto& [name, table] : options.queues) out[name] = options.of_queue(table);
  return out;
}

void say_ready(std::uint32_t fd, const std::string& endpoint) {
  if (fd == 0) return;
  const std::string line = endpoint + "\n";
  if (::write(static_cast<int>(fd), line.data(), line.size()) < 0) {
    spdlog::warn("ready-fd {}: {}", fd, std::strerror(errno));
  }
  ::close(static_cast<int>(fd));
}

bool is_local(const std::string& endpoint) {
  return endpoint.starts_with("ipc://") || endpoint.starts_with("tcp://127.") ||
         endpoint.starts_with("tcp://[::1]") || endpoint.starts_with("tcp://localhost");
}

int serve(BrokerOptions& options, config::Options& table, int signals) {
  const Now begin = read_clocks();
  Result<std::string> data_dir = make_data_dir(options.data_dir);
  if (!data_dir) return refuse_start(data_dir.error());

  Core core(core_options(options, static_cast<std::uint64_t>(begin.wall.time_since_epoch().count())));
  Restore restore(core);
  auto journal = open_journal(journal_options(options, *data_dir), restore, stop_at_once);
  if (!journal) return refuse_journal(journal.error(), *data_dir);
  const std::uint64_t live = retain_all(core, **journal);
  if (!restore.found().clean)
    spdlog::info("the last life ended abruptly: its log ends in {}", restore.found().end);

  transport::Context context;
  transport::Router router(context, {.frame_max = options.frame_max.value});
  const Result<std::string> endpoint = router.bind(options.endpoint);
  if (!endpoint) return refuse_start(endpoint.error());

  RedisRunner redis({.url = options.redis_url,
                     .server = options.redis_server,
                     .directory = *data_dir,
                     .patience = options.redis_patience.value,
                     .probe_key = results::probe_key(restore.id())});
  if (Result<> started = redis.start(); !started) return refuse_start(started.error());
  if (redis.mode() == RedisRunner::Mode::mine && !is_local(*endpoint)) {
    spdlog::warn("the private Redis serves this host only: set redis.url for workers elsewhere");
  }

  Engine engine({.core = core, .journal = **journal, .router = router, .redis = redis, .signals = signals},
                {.welcome = welcome(options, restore.id(), redis),
                 .endpoint = *endpoint,
                 .data_dir = *data_dir,
                 .queue_defaults = options.queue_defaults()});
  engine.start(read_clocks());
  engine.configure(queue_tables(options), options.schedules);
  engine.on_hangup([&] {
    options.queues.clear();
    options.limits.clear();
    options.schedules.clear();
    if (Result<> read = table.reload(); !read)
      return spdlog::error("reload: {}; all stays as it was", read.error().message);
    engine.configure(queue_tables(options), options.schedules);
    spdlog::set_level(spdlog::level::from_str(options.log_level));
    core.declare_limits(read_clocks(), options.limits);
    spdlog::info("reload: {} queues, {} limits and {} schedules of the file, log level {}",
                 options.queues.size(), options.limits.size(), options.schedules.size(), options.log_level);
  });
  spdlog::info("ready at {}: data in {}, {} jobs there, epoch {}, Redis {}", *endpoint, *data_dir, live,
               core.epoch(), redis.mode() == RedisRunner::Mode::none ? "none" : redis.shown_url());
  say_ready(options.ready_fd, *endpoint);
  engine.run();
  spdlog::info("stopped: all is on disk");
  return exit_of(ExitCode::success);
}

int look_at_journal(const BrokerOptions& options) {
  const auto finding = options.repair_journal ? repair_data(options.data_dir) : check_data(options.data_dir);
  if (!finding) {
    spdlog::critical("{}", finding.error().message);
    return exit_of(exit_code_of(finding.error().code));
  }
  fmt::print("{}", finding->text);
  return exit_of(finding->whole ? ExitCode::success : ExitCode::journal_corrupt);
}

int run(int argc, const char* const* argv) {
  fill_standard_descriptors();
  BrokerOptions options;
  config::Options table("joinery-broker", "Accepts jobs, keeps them, and hands them to workers",
                        "broker.toml");
  describe(table, options);
  if (const std::optional<int> done = table.parse(argc, argv)) return *done;
  begin_log(options.log_level);
  if (Result<> valid = check(options); !valid) return refuse_start(valid.error());
  if (options.health) {
    const Result<> well = ask_health(options.endpoint, std::chrono::seconds(5));
    if (!well) spdlog::error("{}", well.error().message);
    return exit_of(well ? ExitCode::success : ExitCode::failure);
  }
  if (options.check_journal || options.repair_journal) return look_at_journal(options);
  if (options.ready_fd != 0 && ::fcntl(static_cast<int>(options.ready_fd), F_SETFD, FD_CLOEXEC) != 0) {
    return refuse_start(
        {Code::invalid_config, fmt::format("ready-fd {} is not open", options.ready_fd), "ready-fd"});
  }
  const unique_fd signals = block_signals();
  return serve(options, table, signals.get());
}

}  // namespace
}  // namespace joinery::broker::server

int main(int argc, char** argv) { return joinery::broker::server::run(argc, argv); }
