// A program that runs parts of itself elsewhere: its tasks, and the processes that it starts of itself.
//
//   int main(int argc, char** argv) {
//     joinery::Program program(argc, argv);
//     auto square = program.task("square", [](int x) { return x * x; });
//     if (auto code = program.child()) return *code;
//     joinery::Pool pool(program, {.processes = 4});
//     return pool.apply(square, 3) == 9 ? 0 : 1;
//   }
//
// Pool processes and joinery::Process execute the same program file again, as nothing else is safe beside
// threads. So main() runs in them too, up to child(): what stands before it must be cheap and the same each
// time (declare tasks, nothing else). Their command line is not yours: --pool-process and --joinery-child are
// taken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "joinery/task.h"
#include "worker/handlers/registry.h"

namespace joinery {

struct ProgramOptions {
  std::string endpoint;  // of the broker; empty: $JOINERY_ENDPOINT, or tcp://127.0.0.1:7733
};

class Program {
 public:
  Program(int argc, char** argv, ProgramOptions options = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // A task is known by its name to all that run it, on any host. fn(args...) or fn(JobContext&, args...) with
  // one signature (no `auto`); arguments are taken by value or const reference. Captures of `fn` are those of
  // the process that runs it, not of the one that asks. Throws std::invalid_argument for a name that is taken
  // or not valid. Declare all of them before child(). One that returns joinery::Coroutine<R> is a task of
  // result R that waits: a thread runs PoolOptions::concurrency of them at a time, and each item of a map is
  // a job.
  template <typename F>
  task_detail::TaskOf<F> task(std::string name, F fn) {
    auto handler = handlers::typed(std::move(fn));
    constexpr bool waits = std::is_same_v<decltype(handler), handlers::WaitingHandler>;
    add(name, std::move(handler));
    return task_detail::TaskOf<F>(std::move(name), !waits);
  }

  // What `make` returns, built once in each thread (or process) that runs tasks, before its first: tasks get
  // it by JobContext::local<T>(), or joinery::local<T>(). Declare it before child(), too.
  template <typename F>
  void local(F make, LocalTo scope = LocalTo::thread) {
    add_initializer(handlers::put_local(std::move(make), scope));
  }

  // Does the work of this process if the program itself started it, and returns its exit code; nullopt if it
  // was started by somebody else. Must be called once, by the main thread, before other threads are started.
  std::optional<int> child();
  // The tasks as a worker that serves pools of other processes and hosts: takes the flags of joinery-worker,
  // and returns the exit code.
  int work(int argc, char** argv);

  const std::string& endpoint() const;
  const handlers::Registry& registry() const;
  // Ends the process with an explanation if the program started it and child() was not called: it would start
  // processes without end. Called by all that start some.
  void check_not_child() const;

 private:
  void add(const std::string& name, handlers::Handler handler);
  void add(const std::string& name, handlers::WaitingHandler handler);
  void add_initializer(std::function<void()> call);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery
