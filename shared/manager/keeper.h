// The library's one thread: renews what has a lease, and notices the death of processes of this host on
// which somebody here waits. Asleep in poll(2) between.
#pragma once

#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "shared/base/time.h"
#include "shared/base/unique_fd.h"
#include "shared/redis/redis.h"

namespace joinery::manager_detail {

class Keeper {
 public:
  // Its calls have this long to be answered.
  explicit Keeper(redis::Url url);
  ~Keeper();

  // Called each `every`, from the keeper's thread; false: it failed and is tried again soon. It owns all it
  // uses: a call that is under way may end after forget().
  using Renew = std::function<bool(redis::Client&)>;
  using Id = std::uint64_t;
  // `first`: when it is called for the first time, from now.
  Id keep(Duration every, Duration first, Renew renew);
  void forget(Id id);

  // Calls `died` once when the process `owner` (owner.h) has ended, if it is one of this host. A watch that
  // nobody asks for again is given up after some time.
  void watch(const std::string& owner, const Renew& died);

 private:
  struct Entry {
    Duration every;
    Mono due;
    std::shared_ptr<Renew> renew;
  };
  struct Watch {
    unique_fd process;
    Mono until;
    std::shared_ptr<Renew> died;
    Mono retry{};  // when it is tried again to tell of the death
  };
  void run();
  void wait();
  void renew_due(Mono now);
  void look_at_watches(Mono now);
  void start(Mono due);
  void wake();

  const pid_t pid_ = ::getpid();
  redis::Client client_;
  unique_fd wake_;
  std::mutex mutex_;
  Mono asleep_until_ = never_mono;  // a later deadline need not wake it
  std::map<Id, Entry> entries_;
  std::map<std::string, Watch> watches_;
  Id last_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace joinery::manager_detail
