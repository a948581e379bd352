// A process that runs one task: the child's side of joinery::Process.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>

#include "joinery/passing.h"
#include "producer/sdk/no_job.h"
#include "producer/sdk/roles.h"
#include "shared/base/exit_code.h"
#include "shared/protocol/value.h"
#include "worker/handlers/failure.h"

namespace joinery::sdk {
namespace {

void run_waiting(const handlers::WaitingHandler& handler, JobContext& job, Bytes arguments) {
  waiting::EventLoop loop;
  bool ended = false;
  waiting::Strand strand(loop, [&ended] { ended = true; });
  auto coroutine = handler(job, arguments);
  strand.begin(coroutine.handle());
  while (!ended) loop.turn(true);
  coroutine.take();
}

int run_task(const Program& program, const std::string& process, const std::string& name, Bytes arguments) {
  const handlers::Handler* handler = program.registry().find(name);
  const handlers::WaitingHandler* waiting = program.registry().find_waiting(name);
  if (handler == nullptr && waiting == nullptr) {
    fmt::print(stderr, "joinery: this program has no task \"{}\"\n", name);
    return static_cast<int>(ExitCode::failure);
  }
  try {
    program.registry().run_initializers();
    NoJob job;
    handler != nullptr ? static_cast<void>((*handler)(job, arguments))
                       : run_waiting(*waiting, job, arguments);
    return static_cast<int>(ExitCode::success);
  } catch (...) {
    const auto described = handlers::describe_current_exception();
    fmt::print(stderr, "joinery: {}, task \"{}\": {}: {}\n", process, name, described.failure.type,
               described.failure.message);
    return static_cast<int>(ExitCode::failure);
  }
}

}  // namespace

int run_process(Program& program, Given given) {
  const auto description = protocol::decode_map(given.description);
  const auto name = description ? description->str("task") : std::unexpected(description.error());
  const auto arguments = name ? description->bytes("arguments") : std::unexpected(name.error());
  if (!arguments) {
    fmt::print(stderr, "joinery: what the process was given: {}\n", arguments.error().message);
    return static_cast<int>(ExitCode::internal);
  }
  const std::string process(description->str_or("name", "a process").value_or("a process"));
  ::prctl(PR_SET_NAME, process.c_str());
  if (description->boolean("daemon").value_or(false)) signal_at_end(given.owner.get(), SIGTERM);
  set_given_descriptors(std::move(given.descriptors));
  return run_task(program, process, std::string(*name), *arguments);
}

}  // namespace joinery::sdk
