// Ten buyers, two tickets: how many are sold without a lock, with a lock alone, and with a lock and its
// fence.
//
// Everything that goes wrong is made to happen, so that it happens each time. Without a lock all buyers look
// at the shop before any of them pays. With one, buyer 0 is stopped with the lock in his hand, as by a long
// pause of a virtual machine; his lease ends, the lock goes to the next ones, and then he goes on as if
// nothing had been.
#include <joinery/client.h>
#include <joinery/dict.h>
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pool.h>
#include <joinery/program.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

namespace {

constexpr int buyers = 10;
constexpr int tickets = 2;

using Shop = joinery::Dict<std::string, int>;

enum Way : int { without_lock, lock_alone, lock_and_fence };

// What the buyers of one round share; all names begin with that of its shop.
struct Round {
  Round(const joinery::Manager& manager, const std::string& name)
      : shop(manager, name),
        lock(manager, name + ".lock", {.lease = 1s}),
        all_have_looked(manager, name + ".all_have_looked", buyers),
        one_is_stopped(manager, name + ".one_is_stopped") {}

  Shop shop;
  joinery::Lock lock;
  joinery::Barrier all_have_looked;
  joinery::Event one_is_stopped;
};

bool buy_without_lock(Round& round) {
  const int left = round.shop["tickets"];
  round.all_have_looked.wait(60s);
  if (left == 0) return false;
  round.shop["tickets"] = left - 1;
  return true;
}

bool buy_with_lock(Round& round, bool fenced, bool gets_stopped) {
  const std::lock_guard guard(round.lock);
  const int left = round.shop["tickets"];
  if (left == 0) return false;
  if (gets_stopped) {
    round.shop["stopped"] = getpid();
    round.one_is_stopped.set();
    raise(SIGSTOP);
  }
  if (fenced) {
    round.shop.set("tickets", left - 1, round.lock.fence());  // throws if somebody has had the lock since
  } else {
    round.shop.set("tickets", left - 1);
  }
  return true;
}

bool buy(joinery::JobContext& job, const std::string& name, int way, int buyer) {
  Round round(joinery::manager(job), name);
  if (way == without_lock) return buy_without_lock(round);
  if (buyer != 0) round.one_is_stopped.wait(60s);
  try {
    return buy_with_lock(round, way == lock_and_fence, buyer == 0);
  } catch (const joinery::StaleFence&) {
    return buy_with_lock(round, true, false);  // look again, with a lock that is still ours
  }
}

using Buy = joinery::Task<bool(std::string, int, int)>;

// How many buyers believe that they have a ticket.
int sell(const joinery::Program& program, const joinery::Manager& manager, const Buy& task, Way way) {
  const Shop anonymous(manager);
  Round round(manager, anonymous.name());
  round.shop["tickets"] = tickets;
  joinery::Pool pool(program, {.processes = buyers});
  std::vector<joinery::AsyncResult<bool>> bought;
  for (int buyer = 0; buyer < buyers; ++buyer)
    bought.push_back(pool.apply_async(task, {round.shop.name(), way, buyer}));
  int sold = 0;
  for (int buyer = 1; buyer < buyers; ++buyer) sold += bought[buyer].get(60s) ? 1 : 0;
  if (way != without_lock) kill(round.shop["stopped"], SIGCONT);  // all others have gone home
  return sold + (bought[0].get(60s) ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  const auto task = program.task("buy", buy);
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  const auto manager = joinery::manager(client);
  const std::pair<Way, const char*> ways[] = {{without_lock, "without a lock"},
                                              {lock_alone, "with a lock"},
                                              {lock_and_fence, "with a lock and its fence"}};
  int sold = 0;
  for (const auto& [way, words] : ways) {
    sold = sell(program, manager, task, way);
    std::printf("%-26s %2d of %d buyers have one of %d tickets\n", words, sold, buyers, tickets);
    std::fflush(stdout);
  }
  return sold == tickets ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "tickets: %s\n", error.what());
  return 1;
}
