#include "worker/pool_process/pool_process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <thread>

#include "shared/base/exit_code.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/board.h"
#include "worker/handlers/failure.h"
#include "worker/pool_process/cancellations.h"
#include "worker/pool_process/feed.h"
#include "worker/pool_process/inbox.h"
#include "worker/pool_process/lanes.h"
#include "worker/pool_process/outbox.h"
#include "worker/pool_process/process.h"
#include "worker/pool_process/runner.h"

namespace joinery::pool_process {
namespace {

[[noreturn]] void fatal(ExitCode code, const std::string& message) {
  fmt::print(stderr, "joinery pool process {}: {}\n", getpid(), message);
  std::fflush(nullptr);
  _exit(static_cast<int>(code));
}

// The thread that reads, and the threads that run. One of these that has nothing to run reads in its place,
// so that a job that comes alone runs where it was read.
class PoolProcess {
 public:
  PoolProcess(const handlers::Registry& registry, const Options& options)
      : registry_(registry),
        options_(options),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        poll_(epoll_create1(EPOLL_CLOEXEC)),
        board_(map_board(options.board, board_shared_)),
        inbox_(options.socket),
        outbox_(options.socket, wake_.get()) {
    watch(EPOLL_CTL_ADD, wake_.get());
    watch(EPOLL_CTL_ADD, options_.socket);
  }

  int run() {
    start_threads();
    outbox_.send(pool::Ready{pool::version, registry_.names(), board_shared_});
    outbox_.flush();
    while (running_.load(std::memory_order_acquire) > 0) turn();
    for (std::thread& thread : threads_) thread.join();
    outbox_.flush();
    return 0;
  }

 private:
  void start_threads() {
    board_.slots.store(slots(), std::memory_order_release);
    running_ = options_.threads;
    std::atomic<std::uint32_t> starting{options_.threads};
    const bool some_wait = registry_.some_wait();
    for (std::uint32_t i = 0; i < options_.threads; ++i) {
      const auto mine = std::span(board_.threads).subspan(i * options_.concurrency, options_.concurrency);
      Lanes* lanes =
          some_wait ? &lanes_.emplace_back(outbox_, cancellations_, mine, options_.result_max) : nullptr;
      threads_.emplace_back([this, mine, lanes, &starting] {
        initialize();
        if (starting.fetch_sub(1) == 1) starting.notify_all();
        if (lanes) {
          lanes->run(feed_);
        } else {
          Runner(outbox_, cancellations_, mine.front(), options_.result_max).run(feed_, [this] {
            return read_instead();
          });
        }
        outbox_.flush();
        running_.fetch_sub(1, std::memory_order_release);
        eventfd_write(wake_.get(), 1);
      });
    }
    for (std::uint32_t left = starting; left > 0; left = starting) starting.wait(left);
  }

  std::uint32_t slots() const { return options_.threads * options_.concurrency; }

  void initialize() {
    try {
      registry_.run_initializers();
    } catch (...) {
      const Failure failure = handlers::describe_current_exception().failure;
      fatal(ExitCode::failure, fmt::format("an initializer threw {}: {}", failure.type, failure.message));
    }
  }

  // Waits for input, for what is to be sent (at most a millisecond), or for the end of a thread.
  void turn() {
    const bool idle = outbox_.nothing_to_send();
    if (idle) due_ = never_mono;
    if (!idle && due_ == never_mono) due_ = read_clocks().mono + std::chrono::milliseconds(1);
    epoll_event events[2];
    constexpr int soon_ms = 1;
    const int number = epoll_wait(poll_.get(), events, 2, idle ? -1 : soon_ms);
    for (int i = 0; i < number; ++i) {
      if (events[i].data.fd == wake_.get()) {
        eventfd_t count = 0;
        eventfd_read(wake_.get(), &count);
      } else {
        const std::unique_lock lock(reading_, std::try_to_lock);
        if (lock) receive();
      }
    }
    if (!idle && read_clocks().mono >= due_) {
      outbox_.flush();
      due_ = never_mono;
    }
  }

  void watch(int operation, int descriptor) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
    epoll_ctl(poll_.get(), operation, descriptor, &event);
  }

  // In a thread that has nothing to run.
  bool read_instead() {
    const std::unique_lock lock(reading_, std::try_to_lock);
    if (!lock) return false;
    bool closed = false;
    if (feed_.oldest_now(closed) || closed) return true;  // came while nobody had the lock
    watch(EPOLL_CTL_DEL, options_.socket);
    pollfd polled{options_.socket, POLLIN, 0};
    if (poll(&polled, 1, -1) > 0) receive();
    watch(EPOLL_CTL_ADD, options_.socket);
    return true;
  }

  // REQUIRES: reading_, as what follows.
  void receive() {
    if (!inbox_.receive()) end_with_supervisor();
    for (;;) {
      const auto got = inbox_.next(message_);
      if (!got) fatal(ExitCode::internal, "the supervisor sent " + got.error().message);
      if (!*got) return withdraw_cancelled();
      take();
    }
  }

  void take() {
    if (auto* run = std::get_if<pool::Run>(&message_)) return take(*run);
    if (const auto* cancel = std::get_if<pool::Cancel>(&message_)) {
      if (idle()) return;
      cancelled_[cancel->job] = cancel->reason;
      if (cancel->reason == Code::shutting_down) return;  // called back, unless it has begun meanwhile
      cancellations_.cancel(cancel->job, cancel->reason);
      for (Lanes& lanes : lanes_) lanes.cancelled();
      return;
    }
    withdraw_cancelled();
    if (std::holds_alternative<pool::Stop>(message_)) {
      feed_.close();
      return wake_lanes();
    }
    if (auto* shared = std::get_if<pool::Shared>(&message_)) {
      shared_ = std::make_shared<SharedPlace>(std::move(shared->redis_url), std::move(shared->name_space));
      return;
    }
    fatal(ExitCode::internal, "the supervisor sent a message that only pool processes send");
  }

  // What has not begun is answered at once, not when its turn comes: it may wait behind a long one.
  void withdraw_cancelled() {
    if (cancelled_.empty()) return;
    std::set<JobId> unwanted;
    for (const auto& [job, reason] : cancelled_) unwanted.insert(job);
    for (const JobId job : feed_.withdraw(unwanted)) {
      JobEnd(outbox_, options_.result_max).not_begun(job, cancelled_[job]);
      cancellations_.forget(job);
      --given_;
    }
    cancelled_.clear();
  }

  // Every job that came has ended. A cancellation that crossed with the end of its job is of no use then.
  bool idle() const {
    std::uint64_t finished = 0;
    for (std::uint32_t i = 0; i < slots(); ++i) finished += board_.threads[i].finished.load();
    return finished == given_;
  }

  void take(pool::Run& run) {
    withdraw_cancelled();  // before the same job may come again
    if (idle()) cancellations_.forget_all();
    for (const pool::RunJob& job : run.jobs) cancellations_.forget(job.token.job);
    given_ += run.jobs.size();
    auto batch = std::make_shared<Batch>();
    batch->handler = registry_.find(run.handler);
    batch->waiting = registry_.find_waiting(run.handler);
    batch->name = std::move(run.handler);
    batch->info = std::move(run.info);
    batch->jobs = std::move(run.jobs);
    batch->memory = inbox_.memory();
    batch->shared = shared_;
    feed_.push(std::move(batch));
    wake_lanes();
  }

  void wake_lanes() {
    for (Lanes& lanes : lanes_) lanes.wake();
  }

  const handlers::Registry& registry_;
  const Options options_;
  const unique_fd wake_;
  const unique_fd poll_;  // what the thread that reads waits for
  bool board_shared_ = false;
  pool::Board& board_;
  std::mutex reading_;
  Inbox inbox_;
  Outbox outbox_;
  Cancellations cancellations_;
  Feed feed_;
  pool::Message message_;
  std::shared_ptr<const SharedPlace> shared_;
  std::map<JobId, Code> cancelled_;  // since the last message of another kind
  std::uint64_t given_ = 0;          // jobs that came and were not withdrawn
  Mono due_ = never_mono;            // when what is to be sent must go
  std::atomic<std::uint32_t> running_{0};
  std::deque<Lanes> lanes_;  // of each thread, if there are handlers that wait
  std::vector<std::thread> threads_;
};

}  // namespace

int run(const handlers::Registry& registry, const Options& options) {
  if (auto taken = take_over_process(options.socket, options.board); !taken) {
    fatal(ExitCode::usage, taken.error().message);
  }
  const std::uint64_t slots = std::uint64_t{options.threads} * options.concurrency;
  if (slots == 0 || slots > pool::Board::slots_max) {
    fatal(ExitCode::usage, fmt::format("threads x concurrency is {} x {}, expected 1 to {}", options.threads,
                                       options.concurrency, pool::Board::slots_max));
  }
  return PoolProcess(registry, options).run();
}

}  // namespace joinery::pool_process
