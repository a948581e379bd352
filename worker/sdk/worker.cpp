// joinery::Worker: one program that is its own supervisor and, re-executed by it, each of its pool processes.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>

#include "shared/base/descriptors.h"
#include "shared/base/exit_code.h"
#include "shared/protocol/board.h"
#include "worker/handlers/exec.h"
#include "worker/handlers/measuring.h"
#include "worker/handlers/plugin.h"
#include "worker/pool_process/pool_process.h"
#include "worker/sdk/joinery/worker.h"
#include "worker/supervisor/supervisor.h"

namespace joinery {
namespace {

int refuse(ExitCode code, const std::string& message) {
  fmt::print(stderr, "joinery worker: {}\n", message);
  return static_cast<int>(code);
}

// What the command line adds to the program's own handlers.
struct Extras {
  bool allow_exec = false;
  std::size_t exec_output_max = handlers::exec_output_max_default;
  bool noop = false;
  std::vector<std::string> plugins;
};

// The command line that a supervisor gives to its pool processes (pool_arguments). Not for people: no help,
// no file, no environment.
struct PoolArguments {
  pool_process::Options options;
  Extras extras;
};

template <typename T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<PoolArguments> parse_pool_arguments(std::span<char* const> arguments) {
  PoolArguments parsed;
  const auto wrong = [](std::string_view flag) {
    return fail(Code::invalid_argument, fmt::format("--pool-process does not understand {}", flag));
  };
  while (!arguments.empty()) {
    const std::string_view flag = arguments[0];
    arguments = arguments.subspan(1);
    if (flag == "--pool-process") continue;
    if (flag == "--allow-exec" || flag == "--noop") {
      (flag == "--noop" ? parsed.extras.noop : parsed.extras.allow_exec) = true;
      continue;
    }
    if (arguments.empty()) return wrong(flag);
    const std::string_view value = arguments[0];
    arguments = arguments.subspan(1);
    if (flag == "--threads" && parse_number(value, parsed.options.threads)) continue;
    if (flag == "--concurrency" && parse_number(value, parsed.options.concurrency)) continue;
    if (flag == "--exec-output-max" && parse_number(value, parsed.extras.exec_output_max)) continue;
    if (flag == "--log-level") continue;  // what a pool process logs, its supervisor filters
    if (flag != "--plugin") return wrong(fmt::format("{} {}", flag, value));
    parsed.extras.plugins.emplace_back(value);
  }
  return parsed;
}

Result<> complete(handlers::Registry& registry, const Extras& extras) {
  for (const std::string& file : extras.plugins) {
    if (auto loaded = handlers::load_plugin(file, registry); !loaded) return loaded;
  }
  try {
    if (extras.noop) handlers::add_measuring(registry);
  } catch (const std::invalid_argument& error) {
    return fail(Code::invalid_config, fmt::format("--noop: {}", error.what()));
  }
  if (!extras.allow_exec) return {};
  if (registry.has("exec"))
    return fail(Code::invalid_config, "--allow-exec: there is a handler \"exec\" already");
  registry.add("exec", handlers::exec(extras.exec_output_max));
  return {};
}

int run_as_pool_process(handlers::Registry& registry, std::span<char* const> arguments) {
  prctl(PR_SET_NAME, "joinery-pool");  // in ps and top; the kernel would say "exe"
  const auto parsed = parse_pool_arguments(arguments);
  if (!parsed) return refuse(ExitCode::usage, parsed.error().message);
  if (auto done = complete(registry, parsed->extras); !done) {
    return refuse(ExitCode::config, done.error().message);
  }
  return pool_process::run(registry, parsed->options);
}

// Each pool process loads the plug-ins. A mistake in them is better told once, and before they are started:
// by a process of its own, for what a plug-in does when it is loaded is not for the supervisor. Nullopt: all
// is well.
std::optional<int> try_plugins(handlers::Registry& registry, const worker::SupervisorOptions& options) {
  const pid_t child = fork();
  if (child < 0) return refuse(ExitCode::failure, fmt::format("fork: {}", strerror(errno)));
  if (child == 0) {
    const auto done = complete(
        registry, {.allow_exec = options.allow_exec, .noop = options.noop, .plugins = options.plugins});
    if (!done) refuse(ExitCode::config, done.error().message);
    std::fflush(nullptr);
    _exit(static_cast<int>(done ? ExitCode::success : ExitCode::config));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  if (WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(ExitCode::config))
    return static_cast<int>(ExitCode::config);
  return refuse(ExitCode::config, fmt::format("the plug-ins end the process that loads them ({} {})",
                                              WIFSIGNALED(status) ? "signal" : "exit status",
                                              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
}

// Jobs of handlers that do not wait would be held behind each other, where other workers could run them.
Result<> check_concurrency(const handlers::Registry& registry, const worker::SupervisorOptions& options) {
  const std::uint64_t jobs = std::uint64_t{options.threads} * options.concurrency;
  if (jobs > pool::Board::slots_max)
    return fail(Code::invalid_config,
                fmt::format("threads x concurrency is {} x {}, expected at most {} jobs at a time",
                            options.threads, options.concurrency, pool::Board::slots_max));
  if (options.concurrency == 1 || registry.some_wait() || !options.plugins.empty()) return {};
  return fail(Code::invalid_config,
              fmt::format("concurrency is {}, but none of the handlers waits (returns joinery::Coroutine); "
                          "expected 1",
                          options.concurrency));
}

std::string name_of_program(const char* path) {
  const std::string_view whole = path ? path : "joinery-worker";
  return std::string(whole.substr(whole.rfind('/') + 1));  // npos + 1 is 0
}

int run_as_supervisor(handlers::Registry& registry, int argc, char** argv) {
  worker::SupervisorOptions options;
  config::Options table(name_of_program(argv[0]),
                        "Takes jobs from a broker and runs them in a pool of processes", "worker.toml");
  worker::add_options(table, options);
  if (const auto done = table.parse(argc, argv)) return *done;
  options.builtin =
      !registry.names().empty() || !options.plugins.empty() || options.allow_exec || options.noop;
  if (!options.builtin && options.pools.empty() && !options.health) {
    return refuse(
        ExitCode::no_handlers,
        "there are no handlers to run: expected --allow-exec, --plugin FILE, or a table [handler.NAME] in "
        "worker.toml");
  }
  if (const auto sound = check_concurrency(registry, options); !sound)
    return refuse(ExitCode::config, sound.error().message);
  if (const auto weights = worker::queue_weights(options); !weights)
    return refuse(ExitCode::config, weights.error().message);
  if (!options.plugins.empty() && !options.health) {
    if (const auto code = try_plugins(registry, options)) return *code;
  }
  return worker::supervise(options);
}

}  // namespace

struct Worker::Impl {
  handlers::Registry registry;
};

Worker::Worker() : impl_(std::make_unique<Impl>()) {}
Worker::~Worker() = default;

handlers::Registry& Worker::registry() { return impl_->registry; }

Worker& Worker::handle_raw(std::string name, handlers::Handler fn) {
  registry().add(std::move(name), std::move(fn));
  return *this;
}

Worker& Worker::handle_raw(std::string name, handlers::WaitingHandler fn) {
  registry().add(std::move(name), std::move(fn));
  return *this;
}

Worker& Worker::initialize(std::function<void()> fn) {
  registry().initialize(std::move(fn));
  return *this;
}

int Worker::run(int argc, char** argv) {
  fill_standard_descriptors();
  if (argc > 1 && std::string_view(argv[1]) == "--pool-process") {
    return run_as_pool_process(registry(), std::span(argv + 1, static_cast<std::size_t>(argc) - 1));
  }
  return run_as_supervisor(registry(), argc, argv);
}

}  // namespace joinery
