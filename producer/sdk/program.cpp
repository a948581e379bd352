// joinery::Program: which of its lives this process is.
#include "joinery/program.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "joinery/worker.h"
#include "producer/sdk/chunk.h"
#include "producer/sdk/no_job.h"
#include "producer/sdk/private_worker.h"
#include "producer/sdk/roles.h"
#include "producer/sdk/self.h"
#include "shared/base/descriptors.h"
#include "shared/base/exceptions.h"
#include "shared/base/exit_code.h"

namespace joinery {
namespace {

constexpr std::string_view pool_process_flag = "--pool-process";

std::string endpoint_of(const ProgramOptions& options) {
  if (!options.endpoint.empty()) return options.endpoint;
  const char* set = std::getenv("JOINERY_ENDPOINT");
  return set != nullptr && *set != '\0' ? set : "tcp://127.0.0.1:7733";
}

struct Declared {
  std::mutex mutex;
  std::set<std::string> handlers;
};

Declared& declared() {
  static Declared all;
  return all;
}

void declare(const std::string& handler) {
  const std::lock_guard lock(declared().mutex);
  declared().handlers.insert(handler);
}

int refuse(ExitCode code, const std::string& message) {
  fmt::print(stderr, "joinery: {}\n", message);
  return static_cast<int>(code);
}

}  // namespace

bool sdk::is_declared(const std::string& handler) {
  const std::lock_guard lock(declared().mutex);
  return declared().handlers.contains(handler);
}

struct Program::Impl {
  int argc;
  char** argv;
  std::string endpoint;
  // Looked at once: others may change argv later (getopt, test frameworks).
  bool pool_process = argc > 1 && argv[1] == pool_process_flag;
  bool by_self = sdk::started_by_self(argc, argv);
  Worker worker = {};
  bool child_called = false;
  unique_fd report = {};

  int run_pool_process() {
    report = sdk::take_report();
    try {
      if (auto initializer = sdk::take_initializer()) initialize(std::move(*initializer));
    } catch (const Exception& error) {
      return refuse(ExitCode::config, error.what());
    }
    worker.initialize([this] { sdk::report_initialized(report); });  // the last one
    return worker.run(argc, argv);
  }
  void initialize(BoundTask task) {
    const handlers::Handler* handler = worker.registry().find(task.name);
    if (handler == nullptr) {
      throw Exception(Code::unknown_handler, fmt::format("initializer: there is no task \"{}\"", task.name));
    }
    initialize([handler, arguments = std::move(task.arguments)] {
      sdk::NoJob job;
      (*handler)(job, arguments);
    });
  }
  void initialize(std::function<void()> call) {
    worker.initialize([this, call = std::move(call)] {
      try {
        call();
      } catch (...) {
        sdk::report_exception(report);
        throw;
      }
    });
  }
  bool child() const { return pool_process || by_self; }
};

Program::Program(int argc, char** argv, ProgramOptions options)
    : impl_(std::make_unique<Impl>(argc, argv, endpoint_of(options))) {
  fill_standard_descriptors();
}
Program::~Program() = default;

void Program::add(const std::string& name, handlers::Handler handler) {
  impl_->worker.handle_raw(name, handler);
  impl_->worker.handle_raw(sdk::chunk_handler(name), sdk::over_items(std::move(handler)));
  declare(name);
  declare(sdk::chunk_handler(name));
}

void Program::add(const std::string& name, handlers::WaitingHandler handler) {
  impl_->worker.handle_raw(name, std::move(handler));
  declare(name);
}

void Program::add_initializer(std::function<void()> call) { impl_->initialize(std::move(call)); }

std::optional<int> Program::child() {
  impl_->child_called = true;
  if (!impl_->child()) return std::nullopt;
  if (impl_->pool_process) return impl_->run_pool_process();
  auto given = sdk::take_given(impl_->argc, impl_->argv);
  if (!given) return refuse(ExitCode::usage, given.error().message);
  if (given->role == "pool") return sdk::run_pool(std::move(*given));
  if (given->role == "process") return sdk::run_process(*this, std::move(*given));
  return refuse(ExitCode::usage, fmt::format("--joinery-child {}: no such role", given->role));
}

int Program::work(int argc, char** argv) { return impl_->worker.run(argc, argv); }

const std::string& Program::endpoint() const { return impl_->endpoint; }
const handlers::Registry& Program::registry() const { return impl_->worker.registry(); }

void Program::check_not_child() const {
  if (!impl_->child() || impl_->child_called) return;
  std::exit(
      refuse(ExitCode::usage,
             "this process was started by the program itself, whose main() must call program.child() before "
             "it starts a pool or a process"));
}

}  // namespace joinery
