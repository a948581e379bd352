// The handlers of a soak.
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/pack.h>
#include <joinery/worker.h>
#include <signal.h>

#include <stdexcept>

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle_raw("plain", [](joinery::JobContext&, joinery::Bytes) { return joinery::Buffer(); });
  worker.handle("echo", [](std::string text) { return text; });
  // Submits two of itself until the depth is reached.
  worker.handle("grow", [](joinery::JobContext& job, int depth) {
    job.progress(0.5, "growing");
    if (depth == 0) return;
    for (int i = 0; i < 2; ++i) job.submit("grow", joinery::pack(depth - 1));
  });
  worker.handle("flaky", [](joinery::JobContext& job, int) {
    if (job.attempt() == 1) throw std::runtime_error("not the first time");
  });
  worker.handle("lost", [](int) { throw joinery::Reject("never"); });
  worker.handle("die", [](int) { ::raise(SIGKILL); });
  worker.handle("locked", [](joinery::JobContext& job, std::string name) {
    joinery::Lock lock(joinery::manager(job), name);
    lock.lock();
    lock.release();
  });
  return worker.run(argc, argv);
}
