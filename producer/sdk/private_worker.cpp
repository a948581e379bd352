#include "producer/sdk/private_worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "shared/base/exceptions.h"
#include "shared/base/utf8.h"
#include "shared/protocol/value.h"
#include "worker/handlers/failure.h"

namespace joinery::sdk {
namespace {

using protocol::Value;

constexpr const char* initializer_variable = "JOINERY_POOL_INITIALIZER";
constexpr const char* report_variable = "JOINERY_POOL_REPORT";
constexpr std::size_t report_max = 4096;
constexpr auto early = std::chrono::seconds(2);
constexpr int early_deaths_max = 3;

Value value_of(const BoundTask& task) {
  Value value = Value::map();
  value.set("task", task.name).set("arguments", Value::bin(task.arguments));
  return value;
}

Result<BoundTask> task_of(const Value& value) {
  const auto name = value.str("task");
  if (!name) return std::unexpected(name.error());
  const auto arguments = value.bytes("arguments");
  if (!arguments) return std::unexpected(arguments.error());
  return BoundTask{std::string(*name), Buffer(*arguments)};
}

// Reaches the processes that this one starts, out of the way of the numbers that they have for themselves.
int leave(int fd, const char* variable) {
  const int left = ::fcntl(fd, F_DUPFD, 64);
  if (left >= 0) ::setenv(variable, std::to_string(left).c_str(), 1);
  return left;
}

// -1: nothing was left.
int take(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return -1;
  int number = -1;
  std::from_chars(text, text + std::strlen(text), number);
  ::unsetenv(variable);
  return number;
}

// Without one, for want of descriptors say, nothing is told.
void clear(const unique_fd& report) { [[maybe_unused]] const int failed = ::ftruncate(report.get(), 0); }

std::string said_in(const unique_fd& report) {
  std::string text(report_max, '\0');
  text.resize(
      static_cast<std::size_t>(std::max<ssize_t>(::pread(report.get(), text.data(), text.size(), 0), 0)));
  return text;
}

// Signals are for the program's own threads.
std::thread quiet_thread(std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Buffer encode(const WorkerSettings& settings) {
  Value value = Value::map();
  value.set("endpoint", settings.endpoint)
      .set("queue", settings.queue)
      .set("processes", settings.processes)
      .set("threads", settings.threads)
      .set("concurrency", settings.concurrency)
      .set("max_jobs_per_process", settings.max_jobs_per_process);
  if (settings.initializer) value.set("initializer", value_of(*settings.initializer));
  return protocol::encode(value);
}

Result<WorkerSettings> decode_worker_settings(Bytes raw) {
  const auto value = protocol::decode_map(raw);
  if (!value) return std::unexpected(value.error());
  WorkerSettings settings;
  settings.endpoint = value->str_or("endpoint", "").value_or("");
  settings.queue = value->str_or("queue", "").value_or("");
  settings.processes = static_cast<std::uint32_t>(value->u64_or("processes", 0).value_or(0));
  settings.threads = static_cast<std::uint32_t>(value->u64_or("threads", 1).value_or(1));
  settings.concurrency = static_cast<std::uint32_t>(value->u64_or("concurrency", 1).value_or(1));
  settings.max_jobs_per_process =
      static_cast<std::uint32_t>(value->u64_or("max_jobs_per_process", 0).value_or(0));
  if (const Value* initializer = value->find("initializer")) {
    auto task = task_of(*initializer);
    if (!task) return std::unexpected(task.error());
    settings.initializer = std::move(*task);
  }
  return settings;
}

// The supervisor closes only its own descriptors on exec, so one that is left open reaches its pool
// processes, and the environment says which.
void leave_initializer(const BoundTask& initializer) {
  const Buffer raw = protocol::encode(value_of(initializer));
  const unique_fd file(::memfd_create("joinery-initializer", MFD_CLOEXEC));
  const int fd = leave(file.get(), initializer_variable);
  if (fd < 0 || ::pwrite(fd, raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) {
    throw Exception(Code::start_failed,
                    fmt::format("handing the initializer over: {}", std::strerror(errno)));
  }
}

void leave_report(const unique_fd& given) { leave(given.get(), report_variable); }

unique_fd take_report() {
  unique_fd report(take(report_variable));
  if (report) ::fcntl(report.get(), F_SETFD, FD_CLOEXEC);
  return report;
}

void report_initialized(const unique_fd& report) { clear(report); }

void report_exception(const unique_fd& report) {
  if (!report || ::lseek(report.get(), 0, SEEK_END) > 0) return;
  const Failure failure = handlers::describe_current_exception().failure;
  const std::string text = readable(failure.type) + ": " + readable(failure.message);
  [[maybe_unused]] const ssize_t written =
      ::pwrite(report.get(), text.data(), std::min(text.size(), report_max), 0);
}

std::optional<BoundTask> take_initializer() {
  const int number = take(initializer_variable);
  if (number < 0) return std::nullopt;
  const unique_fd fd(number);
  const off_t size = ::lseek(number, 0, SEEK_END);
  Buffer raw(static_cast<std::size_t>(std::max<off_t>(size, 0)), '\0');
  const ssize_t got = ::pread(number, raw.data(), raw.size(), 0);
  const auto value = protocol::decode_map(raw);
  auto task = got == size && value
                  ? task_of(*value)
                  : fail(Code::internal, "the pool's initializer did not reach this process");
  if (!task) throw Exception(task.error());
  return std::move(*task);
}

void request_all(Client& client, const std::string& verb, const std::string& queue) {
  for (std::uint64_t from = 0;;) {
    Value arguments = Value::map();
    arguments.set("queue", queue);
    arguments.set("from", from);
    const Result<Value> slice = protocol::decode_map(client.request(verb, protocol::encode(arguments)));
    from = slice ? slice->u64_or("next", 0).value_or(0) : 0;
    if (from == 0) return;
  }
}

void empty_queue(Client& client, const std::string& queue) {
  try {
    request_all(client, "queue.purge", queue);
    request_all(client, "dead.delete", queue);
  } catch (const ClientError&) {
    // No broker, or it never knew the queue.
  }
}

PrivateWorker::PrivateWorker(const WorkerSettings& settings, std::function<void(std::string)> ended)
    : description_(encode(settings)),
      ended_(std::move(ended)),
      report_(::memfd_create("joinery-report", MFD_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (auto started = start(); !started) throw Exception(started.error());
  thread_ = quiet_thread([this] { watch(); });
}

PrivateWorker::~PrivateWorker() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

Result<> PrivateWorker::start() {
  clear(report_);  // what another worker's said
  auto child = start_self(
      {.role = "pool", .description = description_, .descriptors = {report_.get()}, .own_group = true});
  if (!child) return std::unexpected(child.error());
  child_ = std::move(*child);
  started_at_ = std::chrono::steady_clock::now();
  return {};
}

void PrivateWorker::watch() {
  for (;;) {
    pollfd waits[]{{stop_.get(), POLLIN, 0}, {child_.alive.get(), POLLIN, 0}};
    ::poll(waits, 2, -1);
    const bool stop = waits[0].revents != 0;
    if (stop) child_.owner.reset();
    if (!stop && waits[1].revents == 0) continue;
    int status = 0;
    ::waitpid(child_.pid, &status, 0);
    if (stop) return;
    if (auto why = start_again(status)) {
      ended_(std::move(*why));
      return;
    }
  }
}

std::optional<std::string> PrivateWorker::start_again(int status) {
  if (const std::string thrown = said_in(report_); WIFEXITED(status) && !thrown.empty()) {
    return "an initializer threw " + thrown;
  }
  if (WIFEXITED(status)) {
    return fmt::format("the pool's worker ended with exit status {}; what it said is on stderr",
                       WEXITSTATUS(status));
  }
  const bool was_early = std::chrono::steady_clock::now() - started_at_ < early;
  early_deaths_ = was_early ? early_deaths_ + 1 : 0;
  if (early_deaths_ >= early_deaths_max) {
    return fmt::format("the pool's worker was killed by signal {} each time it was started",
                       WTERMSIG(status));
  }
  if (auto started = start(); !started) return started.error().message;
  return std::nullopt;
}

}  // namespace joinery::sdk
