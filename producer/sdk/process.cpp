// joinery::Process, the side of the one who starts it. The other side: process_role.cpp.
#include "joinery/process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <map>
#include <mutex>

#include "joinery/connection.h"
#include "producer/sdk/self.h"
#include "shared/protocol/value.h"

namespace joinery {

class Process::State {
 public:
  State(BoundTask task, ProcessOptions options)
      : task_(std::move(task)), name_(std::move(options.name)), daemon_(options.daemon) {}
  ~State() {
    if (!running()) return;
    if (daemon_) signal(SIGTERM);
    join({});
  }

  void start();
  bool join(Timeout timeout);
  void signal(int number);
  void close();
  std::optional<int> exitcode();
  std::optional<pid_t> pid();
  int sentinel();
  const std::string& name() const { return name_; }
  bool daemon() const { return daemon_; }
  bool running() {
    const std::lock_guard lock(mutex_);
    collect();
    return pid_ && !exitcode_;
  }

 private:
  void check(bool must_run) const;
  void collect();  // REQUIRES: mutex_

  std::mutex mutex_;
  BoundTask task_;
  const std::string name_;
  const bool daemon_;
  std::optional<pid_t> pid_;
  std::optional<int> exitcode_;
  sdk::Started started_;
  bool closed_ = false;
};

namespace {

// Who was started here, by the number of its start.
template <typename State>
struct Children {
  std::mutex mutex;
  std::uint64_t named = 0;
  std::map<std::uint64_t, std::weak_ptr<State>> started;
};

template <typename State>
Children<State>& children() {
  static Children<State> all;
  return all;
}

}  // namespace

void Process::State::check(bool must_run) const {
  if (closed_) throw ValueError(fmt::format("{} was closed", name_));
  if (must_run && !pid_) throw ValueError(fmt::format("{} was not started", name_));
}

void Process::State::start() {
  const std::lock_guard lock(mutex_);
  check(false);
  if (pid_) throw ValueError(fmt::format("{} was started before", name_));
  protocol::Value description = protocol::Value::map();
  description.set("task", task_.name).set("name", name_).set("daemon", daemon_);
  description.set("arguments", protocol::Value::bin(task_.arguments));
  sdk::Start start{"process", protocol::encode(description), {}, false};
  for (const auto& each : task_.descriptors) start.descriptors.push_back(each->get());
  auto started = sdk::start_self(start);
  if (!started) throw Exception(std::move(started.error()));
  started_ = std::move(*started);
  pid_ = started_.pid;
  task_.descriptors.clear();  // or the other ends would never see the end
}

// The descriptor, not the number, which is another's after the collection.
bool Process::State::join(Timeout timeout) {
  int alive = -1;
  {
    const std::lock_guard lock(mutex_);
    check(true);
    collect();
    if (exitcode_) return true;
    alive = started_.alive.get();
  }
  if (wait({alive}, timeout).empty()) return false;
  const std::lock_guard lock(mutex_);
  collect();
  return exitcode_.has_value();
}

void Process::State::collect() {
  if (!pid_ || exitcode_) return;
  int status = 0;
  pid_t ended = -1;
  do ended = ::waitpid(*pid_, &status, WNOHANG);
  while (ended < 0 && errno == EINTR);
  if (ended == 0) return;
  if (ended < 0) status = W_EXITCODE(255, 0);  // collected by somebody else, who has its status
  exitcode_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  started_.owner.reset();
}

void Process::State::signal(int number) {
  const std::lock_guard lock(mutex_);
  check(true);
  collect();
  if (!exitcode_) ::kill(*pid_, number);
}

void Process::State::close() {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  collect();
  if (pid_ && !exitcode_) throw ValueError(fmt::format("{} still runs: join it first", name_));
  closed_ = true;
  started_ = {};
}

std::optional<int> Process::State::exitcode() {
  const std::lock_guard lock(mutex_);
  check(false);
  collect();
  return exitcode_;
}

std::optional<pid_t> Process::State::pid() {
  const std::lock_guard lock(mutex_);
  check(false);
  return pid_;
}

int Process::State::sentinel() {
  const std::lock_guard lock(mutex_);
  check(true);
  return started_.alive.get();
}

Process::Process(const Program& program, BoundTask task, ProcessOptions options) {
  program.check_not_child();
  if (program.registry().find(task.name) == nullptr &&
      program.registry().find_waiting(task.name) == nullptr) {
    throw ValueError(fmt::format("the program has no task \"{}\"", task.name));
  }
  if (options.name.empty()) {
    auto& all = children<State>();
    const std::lock_guard lock(all.mutex);
    options.name = fmt::format("Process-{}", ++all.named);
  }
  state_ = std::make_shared<State>(std::move(task), std::move(options));
}

void Process::start() {
  state_->start();
  auto& all = children<State>();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.started, [](const auto& each) { return each.second.expired(); });
  const std::uint64_t number = all.started.empty() ? 1 : all.started.rbegin()->first + 1;
  all.started.emplace(number, state_);
}

bool Process::join(Timeout timeout) const { return state_->join(timeout); }
void Process::terminate() const { state_->signal(SIGTERM); }
void Process::kill() const { state_->signal(SIGKILL); }
void Process::close() const { state_->close(); }
bool Process::is_alive() const { return state_->pid() && !state_->exitcode(); }
std::optional<int> Process::exitcode() const { return state_->exitcode(); }
std::optional<pid_t> Process::pid() const { return state_->pid(); }
const std::string& Process::name() const { return state_->name(); }
bool Process::daemon() const { return state_->daemon(); }
int Process::sentinel() const { return state_->sentinel(); }

std::vector<Process> active_children() {
  std::vector<Process> active;
  auto& all = children<Process::State>();
  const std::lock_guard lock(all.mutex);
  for (const auto& [number, weak] : all.started) {
    auto state = weak.lock();
    if (state && state->running()) active.push_back(Process(std::move(state)));
  }
  return active;
}

unsigned cpu_count() {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  if (::sched_getaffinity(0, sizeof mine, &mine) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&mine)));
}

}  // namespace joinery
