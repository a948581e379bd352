// The supervisor as a program: what has to be in place before its loop turns.
#include "worker/supervisor/supervisor.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "shared/base/exit_code.h"
#include "worker/supervisor/health.h"
#include "worker/supervisor/loop.h"

namespace joinery::worker {
namespace {

std::string default_name() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + ":" + std::to_string(::getpid());
}

}  // namespace

int supervise(const SupervisorOptions& options) {
  if (options.health) return check_health(options.health_file);
  spdlog::set_default_logger(spdlog::stderr_color_mt("worker"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ worker: %v");
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  if (!options.builtin && options.pools.empty()) {
    spdlog::error(
        "there is no handler to offer: give --allow-exec, --plugin FILE, or a table [handler.NAME]");
    return static_cast<int>(ExitCode::no_handlers);
  }
  Loop loop(options, options.name.empty() ? default_name() : options.name);
  return loop.run();
}

}  // namespace joinery::worker
