// Ten buyers, two tickets, one lock. The lock's token guards the write too: a buyer whose process was stopped
// for so long that somebody else got the lock is refused.
#include <joinery/client.h>
#include <joinery/dict.h>
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pool.h>
#include <joinery/program.h>

#include <cstdio>
#include <mutex>
#include <numeric>

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto buy = program.task("buy", [](joinery::JobContext& job, int buyer) {
    const auto manager = joinery::manager(job);
    joinery::Lock lock(manager, "tickets");
    joinery::Dict<std::string, int> shop(manager, "shop");
    const std::lock_guard guard(lock);
    const int left = shop["tickets"];
    if (left == 0) return std::string();
    shop.set("tickets", left - 1, lock.fence());
    return "buyer " + std::to_string(buyer) + " has a ticket";
  });
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  joinery::Dict<std::string, int> shop(joinery::manager(client), "shop");
  shop["tickets"] = 2;

  joinery::Pool pool(program, {.processes = 5});
  std::vector<int> buyers(10);
  std::iota(buyers.begin(), buyers.end(), 0);
  for (const std::string& line : pool.map(buy, buyers)) {
    if (!line.empty()) std::printf("%s\n", line.c_str());
  }
  const int left = shop["tickets"];
  std::printf("%d tickets left\n", left);
}
