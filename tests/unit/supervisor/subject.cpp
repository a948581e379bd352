// The worker that the tests of the supervisor start: a supervisor with handlers that do what a test needs.
#include <joinery/worker.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

using joinery::Buffer;
using joinery::Bytes;
using joinery::JobContext;

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle_raw("noop", [](JobContext&, Bytes) { return Buffer(); });
  worker.handle_raw("echo", [](JobContext&, Bytes payload) { return Buffer(payload); });
  worker.handle_raw("throw", [](JobContext&, Bytes) -> Buffer { throw std::runtime_error("on purpose"); });
  worker.handle_raw("crash", [](JobContext&, Bytes) -> Buffer {
    std::fputs("about to crash\n", stderr);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return {};
  });
  // Tells its process's number, then runs until it is killed or, if the payload says so, cancelled.
  worker.handle_raw("stay", [](JobContext& job, Bytes payload) {
    job.progress(0.5, std::to_string(getpid()));
    while (!(payload == "polite" && job.cancelled()))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Buffer();
  });
  worker.handle_raw("children", [](JobContext& job, Bytes payload) {
    job.submit("noop", Buffer(payload), "elsewhere");
    return Buffer();
  });
  worker.handle_raw("many_bytes", [](JobContext& job, Bytes) {
    for (int i = 0; i < 3; ++i) job.submit("noop", Buffer(std::size_t{9} << 20U, 'x'));
    return Buffer();
  });
  return worker.run(argc, argv);
}
