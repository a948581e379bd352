// joinery up, joinery down
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "producer/cli/command.h"
#include "producer/cli/local_stack.h"
#include "producer/cli/pid_file.h"

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace joinery::cli {
namespace {

struct Flags {
  std::string data_dir = "joinery-data";
  std::uint64_t processes = 0;
  bool no_exec = false;
  std::vector<std::string> plugins;
  bool detach = false;
};

constexpr const char* examples =
    R"(  joinery up                                 until Ctrl-C: stops the worker, then the broker
  joinery up --detach && joinery down        in the background; its log is DATA_DIR/up.log
  joinery up --processes 8 --endpoint tcp://127.0.0.1:7800 --data-dir /var/tmp/jobs
A second Ctrl-C does not wait for running jobs: they are handed back. A third kills.
Broker and worker also read their own files and variables. One that crashes is started again and its jobs go on; one that
says it cannot work, or crashes 5 times within a minute, ends everything.)";

[[noreturn]] void refuse(Code code, const std::string& message) { throw ClientError({code, message, {}}); }

template <typename T>
T value_of(Result<T> result) {
  if (!result) throw ClientError(result.error());
  return std::move(*result);
}

StackOptions stack_options(const Context& context, const Flags& flags) {
  const std::string& endpoint = context.settings.endpoint;
  StackOptions options;
  options.broker = {value_of(find_program("joinery-broker")), "--endpoint", endpoint, "--data-dir",
                    flags.data_dir};
  options.worker = {value_of(find_program("joinery-worker")), "--endpoint", endpoint};
  if (!flags.no_exec) options.worker.emplace_back("--allow-exec");
  for (const std::string& plugin : flags.plugins)
    options.worker.insert(options.worker.end(), {"--plugin", plugin});
  if (flags.processes != 0)
    options.worker.insert(options.worker.end(), {"--processes", fmt::format("{}", flags.processes)});
  return options;
}

void announce(Output& out, const std::string& data_dir, const std::string& endpoint, LocalStack::Pids pids) {
  if (out.json()) {
    out.value(Json{{"endpoint", endpoint},
                   {"pid", ::getpid()},
                   {"broker_pid", pids.broker},
                   {"worker_pid", pids.worker > 0 ? Json(pids.worker) : Json(nullptr)},
                   {"data_dir", data_dir}});
  } else {
    out.pairs({{"endpoint", endpoint},
               {"broker", fmt::format("pid {}", pids.broker)},
               {"worker", pids.worker > 0 ? fmt::format("pid {}", pids.worker)
                                          : "none: start one of your own at this endpoint"},
               {"data", data_dir}});
  }
  out.flush();
}

// What the child logged before it gave up, and its exit code.
[[noreturn]] void fail_as(Output& out, pid_t child, const std::string& log, off_t from) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const unique_fd file(::open(log.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::pread(file.get(), chunk.data(), chunk.size(), from)) > 0; from += got)
    out.raw_error({chunk.data(), static_cast<std::size_t>(got)});
  out.note(fmt::format("it did not start; this is what {} says", log));
  std::_Exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
                                                           : static_cast<int>(ExitCode::failure));
}

// Goes on in a child of its own session whose output is the log; returns there. The parent passes on what the
// child says once it is ready, and ends.
unique_fd detach(Output& out, const std::string& log) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) refuse(Code::io_error, std::strerror(errno));
  unique_fd reading(pipe[0]);
  unique_fd writing(pipe[1]);
  unique_fd file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file) refuse(Code::io_error, fmt::format("{}: {}", log, std::strerror(errno)));
  const off_t logged_before = ::lseek(file.get(), 0, SEEK_END);
  const pid_t child = ::fork();
  if (child < 0) refuse(Code::io_error, std::strerror(errno));
  if (child == 0) {
    ::setsid();
    const unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ::dup2(null.get(), STDIN_FILENO);
    ::dup2(file.get(), STDERR_FILENO);
    ::dup2(writing.get(), STDOUT_FILENO);  // for the announcement; then the log takes its place
    return file;
  }
  writing.reset();
  std::string text;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::read(reading.get(), chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(got));
  if (text.empty()) fail_as(out, child, log, logged_before);
  out.raw(text);
  out.flush();
  std::_Exit(static_cast<int>(ExitCode::success));
}

ExitCode up(Context& context, const Flags& flags) {
  StackOptions options = stack_options(context, flags);
  if (const auto holder = PidFile::holder(flags.data_dir))
    refuse(Code::journal_locked, fmt::format("`joinery up` (pid {}) already uses {}; `joinery down` stops it",
                                             *holder, flags.data_dir));
  if (::mkdir(flags.data_dir.c_str(), 0700) != 0 && errno != EEXIST)
    refuse(Code::io_error, fmt::format("{}: {}", flags.data_dir, std::strerror(errno)));
  unique_fd log;
  if (flags.detach) log = detach(context.out, flags.data_dir + "/up.log");
  const PidFile pid_file = value_of(PidFile::take(flags.data_dir));
  LocalStack stack(std::move(options), context.out, [&](const std::string& endpoint, LocalStack::Pids pids) {
    announce(context.out, flags.data_dir, endpoint, pids);
    if (log) ::dup2(log.get(), STDOUT_FILENO);
  });
  return stack.run();
}

ExitCode down(Context& context, const Flags& flags) {
  const pid_t pid = value_of(PidFile::holder(flags.data_dir));
  const unique_fd process(::pidfd_open(pid, 0));
  if (!process || ::pidfd_send_signal(process.get(), SIGTERM, nullptr, 0) != 0)
    refuse(Code::io_error, fmt::format("pid {} cannot be stopped: {}", pid, std::strerror(errno)));
  pollfd ended{process.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  context.out.json() ? context.out.value(Json{{"stopped", pid}})
                     : context.out.line(fmt::format("stopped (pid {})", pid));
  return ExitCode::success;
}

void add_data_dir(Arguments& arguments, Flags& flags) {
  if (const char* variable = std::getenv("JOINERY_DATA_DIR"); variable != nullptr && *variable != '\0')
    flags.data_dir = variable;
  arguments.option("--data-dir", flags.data_dir, "where the broker keeps everything (JOINERY_DATA_DIR)",
                   "DIR");
}

}  // namespace

Run define_up(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  add_data_dir(arguments, *flags);
  arguments.option("--processes", flags->processes, "pool processes of the worker; else one per core", 1,
                   1024);
  arguments.flag("--no-exec", flags->no_exec,
                 "no handler exec, which runs any command; without --plugin or [handler.NAME] only the "
                 "broker runs");
  arguments.option("--plugin", flags->plugins,
                   "shared library with handlers, for the worker; may be repeated", "FILE");
  arguments.flag("--detach", flags->detach, "go on in the background; `joinery down` stops it");
  arguments.examples(examples);
  return [flags](Context& context) { return up(context, *flags); };
}

Run define_down(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  add_data_dir(arguments, *flags);
  return [flags](Context& context) { return down(context, *flags); };
}

}  // namespace joinery::cli
