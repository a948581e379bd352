// A worker of your own: handlers in C++, run by a supervised pool of processes.
//
//   #include <joinery/worker.h>
//   int main(int argc, char** argv) {
//     joinery::Worker worker;
//     worker.handle("add", [](int a, int b) { return a + b; });
//     worker.handle("fetch", [](joinery::JobContext& job, std::string url) { job.progress(0.5, url); });
//     return worker.run(argc, argv);
//   }
//
// Arguments are a msgpack array (one element each; a single argument may also be the bare value); what the
// handler returns is the result, packed by msgpack. Your own types: MSGPACK_DEFINE. A handler that throws
// fails its attempt; joinery::Reject fails the job for good.
//
// run() is the whole program: called by you it is the supervisor, with the flags of joinery-worker;
// re-executed by the supervisor it is a pool process. Handlers run in pool processes, with --threads M in M
// threads at once. Handlers that wait, coroutines (<joinery/coroutine.h>), share a thread: with --concurrency
// N it runs N of their jobs at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "shared/job/job.h"
#include "worker/handlers/registry.h"

namespace joinery {

class Worker {
 public:
  Worker();
  ~Worker();

  // A typed handler: fn(args...) or fn(JobContext&, args...); it waits if it returns a Coroutine.
  template <typename F>
  Worker& handle(std::string name, F fn) {
    registry().add(std::move(name), handlers::typed(std::move(fn)));
    return *this;
  }
  // A raw one: payload bytes in, result bytes out.
  Worker& handle_raw(std::string name, handlers::Handler fn);
  Worker& handle_raw(std::string name, handlers::WaitingHandler fn);
  // Called once in each pool process (and thread) before its first job.
  Worker& initialize(std::function<void()> fn);
  // What `make` returns, built once in each thread (or process) before its first job: JobContext::local<T>().
  template <typename F>
  Worker& local(F make, LocalTo scope = LocalTo::thread) {
    return initialize(handlers::put_local(std::move(make), scope));
  }

  // Parses the flags of joinery-worker and works until told to stop. Returns the exit code.
  int run(int argc, char** argv);

  handlers::Registry& registry();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery
