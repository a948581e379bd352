// joinery::Executor: Python's ProcessPoolExecutor and, with threads, its ThreadPoolExecutor.
//
//   joinery::Executor executor(program, {.processes = 4});
//   joinery::Executor io(program, {.processes = 1, .threads = 32});  // for tasks that mostly wait
//   auto future = executor.submit(square, 3);
//   for (auto& done : joinery::as_completed(futures)) use(done.result());
//
// A process that dies fails, after its second and third chance, the job that killed it, and no other; the
// executor goes on. Threads and callbacks: as for Pool.
#pragma once

#include <memory>
#include <ranges>
#include <utility>
#include <vector>

#include "joinery/future.h"
#include "joinery/pool.h"

namespace joinery {

class Executor {
 public:
  // Throws ClientError (broker_unreachable) if there is no broker within ten seconds.
  explicit Executor(const Program& program, PoolOptions options = {});
  ~Executor();  // shutdown()
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Throws ValueError after shutdown.
  template <typename R, typename... Args>
  Future<R> submit(const Task<R(Args...)>& task, const std::type_identity_t<Args>&... args) {
    return {start_one({task.name(), false, {}, {task.packed(args...)}, 1}), runner_};
  }
  // Results in the order of the input, which is read as they are taken: see Imap.
  template <typename R, typename Arg, std::ranges::input_range Range>
  Imap<R> map(const Task<R(Arg)>& task, Range&& range, std::size_t chunksize = 1) {
    return Imap<R>(start_stream(task.name(), task.chunked(), chunksize,
                                sdk::pull_from(std::forward<Range>(range), sdk::packer_of(task))));
  }

  // No more jobs. cancel_futures: those that no worker has yet are cancelled. wait: until the others are
  // done, and the processes have ended; else the destructor does that.
  void shutdown(bool wait = true, bool cancel_futures = false);

 private:
  std::shared_ptr<sdk::Cell> start_one(sdk::Call call);
  sdk::Stream start_stream(const std::string& task, bool chunked, std::size_t chunksize,
                           sdk::Stream::Pull pull);

  std::shared_ptr<sdk::Runner> runner_;
};

}  // namespace joinery
