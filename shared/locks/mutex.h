// A gate with one permit, and which threads of this process hold it (more than one only if a lease was lost).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "shared/locks/gate.h"

namespace joinery::locks {

class Mutex {
 public:
  Mutex(const Manager& manager, std::string name, bool reentrant, Options options)
      : name_(std::move(name)), reentrant_(reentrant), gate_(manager, "lock:" + name_, "", options) {}
  ~Mutex();

  bool acquire(bool blocking, const Timeout& timeout);
  void release();
  // For Condition: gives it up however often it was acquired, and takes it again as often.
  std::uint32_t release_all();
  void acquire_again(std::uint32_t count);
  // The calling thread's; null: it holds none.
  std::shared_ptr<Hold> mine() const;

  const std::string& name() const { return name_; }
  const Gate& gate() const { return gate_; }

 private:
  struct Held {
    std::shared_ptr<Hold> hold;
    std::uint32_t count = 0;
  };
  bool again();
  std::shared_ptr<Hold> take_back(const char* verb, bool all, std::uint32_t* count);

  const std::string name_;
  const bool reentrant_;
  Gate gate_;
  mutable std::mutex mutex_;
  std::map<std::thread::id, Held> held_;
};

}  // namespace joinery::locks
