// map_async over ten numbers; each task appends to one shared list under a lock, so that two lines of one
// task always stand together.
#include <joinery/client.h>
#include <joinery/job_manager.h>
#include <joinery/list.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pool.h>

#include <cstdio>
#include <mutex>
#include <ranges>
#include <string>

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto work = program.task("work", [](joinery::JobContext& job, int number) {
    const auto manager = joinery::manager(job);
    joinery::Lock lock(manager, "journal");
    joinery::List<std::string> journal(manager, "journal");
    const std::lock_guard guard(lock);
    journal.append(std::to_string(number) + " begins");
    journal.append(std::to_string(number) + " ends");
    return number * number;
  });
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  joinery::List<std::string> journal(joinery::manager(client), "journal");
  joinery::Pool pool(program, {.processes = 4});
  auto squares = pool.map_async(work, std::views::iota(0, 10), {.chunksize = 1});
  int sum = 0;
  for (const int square : squares.get()) sum += square;
  std::printf("the sum of the squares is %d\n", sum);
  for (const std::string& line : journal.items()) std::printf("%s\n", line.c_str());
}
