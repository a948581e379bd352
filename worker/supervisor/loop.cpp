// Turns of the loop, and what the broker says.
#include "worker/supervisor/loop.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include "shared/base/exit_code.h"
#include "shared/protocol/value.h"
#include "worker/supervisor/process_runner.h"

namespace joinery::worker {
namespace {

constexpr std::size_t frames_per_turn = 64;
constexpr Duration memory_every = std::chrono::milliseconds(500);
constexpr Duration acknowledgements_wait = std::chrono::seconds(5);
constexpr Duration acknowledgements_wait_short = std::chrono::seconds(1);  // after a second signal

PlanSettings plan_settings(const SupervisorOptions& options) {
  PlanSettings settings;
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  if (options.builtin)
    settings.pools.push_back(
        {"", options.processes ? options.processes : cores, options.threads * options.concurrency});
  for (const auto& pool : options.pools) settings.pools.push_back({pool.name, pool.processes, 1});
  settings.prefetch = options.prefetch;
  settings.max_jobs_per_process = options.max_jobs_per_process;
  settings.drain_timeout = options.drain_timeout.value;
  return settings;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

protocol::Hello hello_of(const SupervisorOptions& options, const std::string& name) {
  protocol::Hello hello;
  hello.name = name;
  hello.host = host_name();
  hello.pid = static_cast<std::uint32_t>(::getpid());
  hello.software = "joinery-cpp/" JOINERY_VERSION;
  for (const auto& pool : plan_settings(options).pools) hello.processes += pool.processes;
  hello.threads = options.threads * options.concurrency;
  hello.queues = options.queues;
  hello.weights = queue_weights(options).value_or(std::vector<std::uint32_t>{});  // checked at the start
  return hello;
}

// Blocked before any thread is made, so that all of them leave the signals to the descriptor.
int take_over_signals() {
  sigset_t taken;
  ::sigemptyset(&taken);
  ::sigaddset(&taken, SIGTERM);
  ::sigaddset(&taken, SIGINT);
  ::sigprocmask(SIG_BLOCK, &taken, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

Loop::Loop(const SupervisorOptions& options, std::string name)
    : options_(options),
      name_(std::move(name)),
      ready_(options.ready_fd == 0 ? -1 : static_cast<int>(options.ready_fd)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      signals_(take_over_signals()),
      plan_(
          plan_settings(options),
          [this](ProcessId id, std::vector<Running>& out) {
            const auto found = processes_.find(id);
            if (found != processes_.end()) found->second.process.board().running(out);
          },
          actions_),
      link_(context_, options.endpoint, hello_of(options, name_), *this),
      writer_([this](OwnedReport report) { link_.finishes().report(std::move(report)); }),
      inputs_([this](const DispatchFrame& frame, const protocol::Dispatch& ready) { hand_on(frame, ready); },
              [this](OwnedReport report) { link_.finishes().report(std::move(report)); }),
      health_(options.health_file),
      memory_kills_(out_of_memory_kills()) {
  if (ready_) ::fcntl(ready_.get(), F_SETFD, FD_CLOEXEC);  // not for the pool processes
  if (options.builtin) {
    auto& command = commands_.emplace_back(1, "/proc/self/exe");
    const auto arguments = pool_arguments(options);
    command.insert(command.end(), arguments.begin(), arguments.end());
  }
  for (const auto& pool : options.pools) commands_.push_back(pool.command);
  if (options.memory_limit.value != 0) memory_at_ = now_.mono + memory_every;
  add(signals_.get(), Source::signal, 0, EPOLLIN);
}

int Loop::run() {
  plan_.begin(now_.mono);
  perform();
  while (!finished()) turn();
  link_.goodbye(now_.mono, stopping_ ? "the worker stops" : "the worker has failed");
  return static_cast<int>(failed_ ? ExitCode::failure : ExitCode::success);
}

// Sends come last; what they make the broker's socket notice ends the next wait at once.
void Loop::turn() {
  wait();
  plan_.tick(now_.mono);
  perform();
  link_.tick(now_.mono);
  busy_ = link_.process(now_.mono, frames_per_turn);
  if (memory_kills_.due(now_.mono)) memory_kills_.note(now_.mono, out_of_memory_kills());
  check_memory();
  announce();
  writer_.process(now_, std::exchange(redis_readable_, false));
  inputs_.process(now_, writer_.redis(), writer_.broker());
  for (const ProcessId id : std::exchange(dirty_, {})) {
    const auto found = processes_.find(id);
    if (found != processes_.end()) flush(id, found->second);
  }
  if (options_.burst) burst();
  link_.set_capacity(writer_.full() ? 0 : plan_.capacity());
  link_.flush(now_.mono);
  busy_ = busy_ || !dirty_.empty();
  health_.turn(now_.mono, state());
}

void Loop::wait() {
  watch_broker();
  watch_redis();
  epoll_event events[64];
  const int count = ::epoll_wait(poll_.get(), events, 64, busy_ ? 0 : timeout_ms());
  now_ = read_clocks();
  for (int i = 0; i < count; ++i) {
    const std::uint64_t data = events[i].data.u64;
    handle(static_cast<Source>(data >> 32U), static_cast<std::uint32_t>(data), events[i].events);
  }
}

int Loop::timeout_ms() const {
  const Mono next = std::min({plan_.next_deadline(), link_.next_deadline(), writer_.next_deadline(),
                              inputs_.next_deadline(), memory_at_, give_up_at_, health_.next_deadline(),
                              options_.burst ? burst_.next_deadline() : never_mono});
  if (next == never_mono) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - read_clocks().mono).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Loop::handle(Source source, std::uint32_t id, std::uint32_t events) {
  switch (source) {
    case Source::signal: return take_signals();
    case Source::broker: return;  // looked at in each turn
    case Source::redis: redis_readable_ = true; return;
    case Source::socket:
      if (events & EPOLLOUT) {
        const auto found = processes_.find(id);
        if (found != processes_.end()) flush(id, found->second);
      }
      if (events & ~std::uint32_t{EPOLLOUT}) read_socket(id);
      return;
    case Source::output: return read_output(id);
    case Source::alive: return take_exit(id);
  }
}

void Loop::add(int fd, Source source, std::uint32_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(source)} << 32U | id;
  JOINERY_CHECK(::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::change(int fd, Source source, std::uint32_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(source)} << 32U | id;
  JOINERY_CHECK(::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::drop(int fd) { ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::watch_broker() {
  if (link_.connection() == broker_connection_) return;
  broker_connection_ = link_.connection();
  for (const int fd : broker_fds_) drop(fd);
  broker_fds_ = link_.descriptors();
  for (const int fd : broker_fds_) add(fd, Source::broker, 0, EPOLLIN);
}

void Loop::watch_redis() {
  redis_.update(poll_.get(), std::uint64_t{static_cast<std::uint32_t>(Source::redis)} << 32U,
                writer_.descriptor(), writer_.opened(), writer_.wants_write());
}

void Loop::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    stopping_ = true;
    if (!stops_.take(now_.mono)) continue;
    if (stops_.count() == 1) {
      spdlog::info("signal {}: finishing what runs, for at most {} s", info.ssi_signo,
                   std::chrono::duration<double>(options_.drain_timeout.value).count());
      plan_.drain(now_.mono);
    } else {
      spdlog::warn("signal {} again: stopping at once", info.ssi_signo);
      plan_.abandon(now_.mono);
    }
    inputs_.release();
    perform();
  }
}

// Says hello when each pool has shown what it can do, and again when that has changed.
void Loop::announce() {
  if (!std::exchange(announce_, false) || stopping_) return;
  if (!plan_.settled()) return;
  if (plan_.hopeless()) {
    spdlog::error("no pool process could be started; giving up");
    failed_ = true;
    plan_.abandon(now_.mono);
    return perform();
  }
  auto handlers = plan_.handlers();
  if (handlers == announced_) return;
  announced_ = handlers;
  link_.set_capacity(plan_.capacity());
  link_.open(now_.mono, std::move(handlers));
}

void Loop::check_memory() {
  if (now_.mono < memory_at_) return;
  memory_at_ = now_.mono + memory_every;
  const auto used = resident_bytes_of_groups();
  for (const auto& [id, entry] : processes_) {
    const auto group = used.find(entry.process.pid());
    if (group != used.end() && group->second > options_.memory_limit.value)
      plan_.over_memory(id, group->second);
  }
  perform();
}

void Loop::burst() {
  const bool busy = stopping_ || !link_.in_session() || plan_.held() > 0 || inputs_.waiting() > 0 ||
                    writer_.waiting() > 0 || !link_.finishes().settled();
  if (busy) asked_.clear();
  switch (burst_.turn(now_.mono, busy)) {
    case Burst::Next::wait: return;
    case Burst::Next::ask:
      ready_jobs_ = 0;
      for (const auto& queue : options_.queues) {
        protocol::Value arguments = protocol::Value::map();
        arguments.set("queue", queue);
        const auto sequence = link_.request(now_.mono, "queue.show", protocol::encode(arguments));
        if (sequence != 0) asked_[sequence] = queue;
      }
      if (asked_.size() < options_.queues.size()) burst_.answered(1);  // not now: ask again
      return;
    case Burst::Next::done:
      spdlog::info("nothing is left to do");
      stopping_ = true;
      plan_.drain(now_.mono);
      return perform();
  }
}

void Loop::replied(std::uint64_t sequence, const Result<Bytes>& result) {
  if (asked_.erase(sequence) == 0) return;
  if (result) {
    const auto queue = protocol::decode_map(*result);
    const auto* counts = queue ? queue->find("counts") : nullptr;
    ready_jobs_ +=
        counts && counts->kind() == protocol::Value::Kind::map ? counts->u64_or("ready", 0).value_or(0) : 0;
  }
  if (asked_.empty()) burst_.answered(ready_jobs_);
}

// After the last process: until every finish is acknowledged, but not for ever.
bool Loop::finished() {
  if (!plan_.gone()) return false;
  const bool settled = !link_.opened() || (writer_.waiting() == 0 && link_.finishes().settled());
  if (settled) return true;
  if (give_up_at_ == never_mono) {
    give_up_at_ = now_.mono + (stops_.count() > 1 ? acknowledgements_wait_short : acknowledgements_wait);
  }
  if (now_.mono < give_up_at_) return false;
  spdlog::error("the broker did not acknowledge every finish; those jobs will run again");
  return failed_ = true;
}

const char* Loop::state() const {
  if (stopping_) return "stopping";
  return link_.in_session() ? "connected" : "connecting";
}

void Loop::welcomed(const protocol::Welcome& welcome) {
  payload_max_ = welcome.payload_max;
  frame_max_ = welcome.frame_max;
  writer_.use(welcome.redis_url, welcome.broker);
  pool::Shared shared{welcome.redis_url, to_hex(welcome.broker)};
  if (shared != shared_) {
    shared_ = std::move(shared);
    for (auto& [id, entry] : processes_) entry.told_shared = false;
  }
  say_ready();
}

void Loop::say_ready() {
  if (!ready_) return;
  const std::string line = name_ + "\n";
  if (::write(ready_.get(), line.data(), line.size()) < 0)
    spdlog::warn("ready-fd: {}", std::generic_category().message(errno));
  ready_.reset();
}

void Loop::dispatched(const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  protocol::Dispatch rest;
  hand_on(frame, !stopping_ && inputs_.take(frame, dispatch, rest) ? rest : dispatch);
}

void Loop::hand_on(const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  if (auto done = plan_.dispatch(now_.mono, frame, dispatch); !done) {
    spdlog::error("dispatch: {}: {}", done.error().field, done.error().message);
  }
  perform();
}

void Loop::revoked(const protocol::Revoke& revoke) {
  inputs_.revoke(revoke);
  plan_.revoke(now_.mono, revoke);
  perform();
}

void Loop::held_tokens(std::vector<Token>& out) {
  plan_.held_tokens(out);
  inputs_.held_tokens(out);
  writer_.held_tokens(out);
}

}  // namespace joinery::worker
