// A worker whose handlers use shared values and locks.
#include <joinery/dict.h>
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/worker.h>
#include <signal.h>
#include <unistd.h>

#include <mutex>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle("sell", [](joinery::JobContext& job) {
    const auto manager = joinery::manager(job);
    joinery::Lock lock(manager, "shop");
    joinery::Dict<std::string, int> shop(manager, "shop");
    const std::lock_guard guard(lock);
    const int left = shop["tickets"];
    if (left == 0) return false;
    shop.set("tickets", left - 1, lock.fence());
    return true;
  });
  // Dies with two locks, the first time.
  worker.handle("die_holding", [](joinery::JobContext& job) {
    const auto manager = joinery::manager(job);
    joinery::Lock first(manager, "first", {.lease = 1h});
    joinery::Lock second(manager, "second", {.lease = 1h});
    const std::lock_guard guard(first);
    const std::lock_guard also(second);
    if (job.attempt() == 1) ::kill(::getpid(), SIGKILL);
    return job.attempt();
  });
  worker.handle("hold", [](joinery::JobContext& job) {
    const auto manager = joinery::manager(job);
    joinery::Lock lock(manager, "held");
    const std::lock_guard guard(lock);
    joinery::Event(manager, "release").wait();
  });
  return worker.run(argc, argv);
}
