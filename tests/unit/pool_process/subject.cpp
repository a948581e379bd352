// The pool process that the tests talk to. Its argument is the number of threads. With CONCURRENCY in its
// environment it has handlers that wait, too.
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <thread>

#include "worker/handlers/exec.h"
#include "worker/handlers/registry.h"
#include "worker/pool_process/pool_process.h"

using joinery::Buffer;
using joinery::Bytes;
using joinery::JobContext;
using joinery::handlers::typed;

namespace {

std::atomic<int> initialized{0};

void wait_for_cancel(JobContext& job) {
  while (!job.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void submit_children(JobContext& job, int count) {
  for (int i = 0; i < count; ++i) job.submit("child", joinery::pack(i));
  job.submit("other", joinery::pack("x"), "elsewhere");
}

joinery::Coroutine<> hold(JobContext& job, int) {
  job.log("info", "begun");
  co_await job.sleep(std::chrono::hours(1));
}

// Until `number` of them have begun, in all threads.
joinery::Coroutine<> meet_waiting(JobContext& job, int number) {
  static std::atomic<int> there{0};
  ++there;
  while (there < number) co_await job.sleep(std::chrono::milliseconds(1));
}

joinery::Coroutine<int> add_waiting(JobContext& job, int a, int b) {
  co_await job.sleep(std::chrono::milliseconds(0));
  co_return a + b;
}

joinery::Coroutine<> throw_waiting(JobContext& job, std::string text) {
  co_await job.sleep(std::chrono::milliseconds(0));
  throw std::runtime_error(text);
}

joinery::Coroutine<std::string> large_waiting(std::size_t size) { co_return std::string(size, 'x'); }

void add_those_that_wait(joinery::handlers::Registry& registry) {
  registry.add("hold", typed(hold));
  registry.add("meet_waiting", typed(meet_waiting));
  registry.add("add_waiting", typed(add_waiting));
  registry.add("throw_waiting", typed(throw_waiting));
  registry.add("large_waiting", typed(large_waiting));
}

}  // namespace

int main(int, char** argv) {
  joinery::handlers::Registry registry;
  registry.initialize([] {
    if (std::getenv("FAIL_INITIALIZER")) throw std::runtime_error("no database");
    ++initialized;
  });
  registry.add("noop", [](JobContext&, Bytes) { return Buffer(); });
  registry.add("echo", [](JobContext&, Bytes payload) { return Buffer(payload); });
  registry.add("add", typed([](int a, int b) { return a + b; }));
  registry.add("initialized", typed([] { return initialized.load(); }));
  registry.add("throw", typed([](std::string text) { throw std::runtime_error(text); }));
  registry.add("reject", typed([] { throw joinery::Reject("never"); }));
  registry.add("large", typed([](std::size_t size) { return std::string(size, 'x'); }));
  registry.add("wait", typed(wait_for_cancel));
  registry.add("throw_when_cancelled", typed([](JobContext& job) {
                 job.log("info", "begun");
                 wait_for_cancel(job);
                 throw std::runtime_error("stopped early");
               }));
  registry.add("told", typed([](JobContext& job) {
                 std::atomic<bool> told{false};
                 job.on_cancel([&] {
                   told = job.cancelled();
                   told.notify_one();
                 });
                 job.log("info", "begun");
                 told.wait(false);
               }));
  registry.add("progress", typed([](JobContext& job) {
                 job.progress(0.5, "half");
                 job.log("info", "on my way");
                 wait_for_cancel(job);
               }));
  registry.add("busy_progress", typed([](JobContext& job) {
                 for (int i = 1; i <= 100'000; ++i) job.progress(i / 1e5);
               }));
  registry.add("children", typed(submit_children));
  registry.add("children_then_throw", typed([](JobContext& job) {
                 submit_children(job, 1);
                 throw std::runtime_error("too late");
               }));
  registry.add("bad_child", typed([](JobContext& job) { job.submit("", {}); }));
  registry.add("meet", typed([] {
                 static std::barrier two(2);
                 two.arrive_and_wait();
               }));
  registry.add("crash", typed([] { std::abort(); }));
  registry.add("exec", joinery::handlers::exec());

  joinery::pool_process::Options options;
  options.threads = static_cast<std::uint32_t>(std::atoi(argv[1]));
  if (const char* concurrency = std::getenv("CONCURRENCY")) {
    options.concurrency = static_cast<std::uint32_t>(std::atoi(concurrency));
    add_those_that_wait(registry);
  }
  return joinery::pool_process::run(registry, options);
}
