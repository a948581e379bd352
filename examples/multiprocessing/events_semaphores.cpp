// An event starts all workers at once; a semaphore lets three of them in at a time; a barrier sees them out.
#include <joinery/client.h>
#include <joinery/counter.h>
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pool.h>
#include <joinery/program.h>

#include <cstdio>
#include <mutex>
#include <numeric>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  constexpr int workers = 6;
  joinery::Program program(argc, argv);
  auto visit = program.task("visit", [](joinery::JobContext& job, int) {
    const auto manager = joinery::manager(job);
    joinery::Event start(manager, "start");
    joinery::Semaphore doors(manager, "doors", 3);
    joinery::Barrier end(manager, "end", workers);
    joinery::Counter inside(manager, "inside");
    if (!start.wait(60s)) throw std::runtime_error("nobody gave the start");
    std::int64_t with_me = 0;
    {
      const std::lock_guard guard(doors);
      with_me = inside.increment();
      inside.decrement();
    }
    end.wait(60s);
    return with_me;
  });
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  const auto manager = joinery::manager(client);
  joinery::Event start(manager, "start");
  start.clear();

  joinery::Pool pool(program, {.processes = workers});
  std::vector<int> numbers(workers);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto visits = pool.map_async(visit, numbers, {.chunksize = 1});
  std::printf("ready\n");
  start.set();
  std::int64_t most = 0;
  for (const std::int64_t inside : visits.get()) most = std::max(most, inside);
  std::printf("all are out; never more than 3 were in: %s\n", most <= 3 ? "yes" : "no");
  return most <= 3 ? 0 : 1;
}
