// Handlers that stay until they are killed, the first time.
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/worker.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

namespace {

void say(const std::string& pipe, unsigned attempt) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  if (std::FILE* file = std::fopen(pipe.c_str(), "a")) {
    std::fprintf(file, "%u %d %.3f\n", attempt, ::getpid(),
                 static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6);
    std::fclose(file);
  }
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle("stay", [](joinery::JobContext& job, std::string pipe) {
    say(pipe, job.attempt());
    while (job.attempt() == 1) ::pause();
  });
  worker.handle("stay_locked", [](joinery::JobContext& job, std::string pipe) {
    if (job.attempt() != 1) return;
    joinery::Lock lock(joinery::manager(job), "shop");
    lock.lock();
    say(pipe, job.attempt());
    while (true) ::pause();
  });
  return worker.run(argc, argv);
}
