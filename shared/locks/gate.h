// The one thing that locks and semaphores are: a number of permits, and a fair line of those who want one.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <joinery/locks.h>
#include "shared/base/time.h"
#include "shared/manager/core.h"

namespace joinery::locks {

// One acquisition. From acquire() to release() its lease is renewed.
class Hold {
 public:
  // `record`: what Redis knows it by, which begins with id \n fence.
  Hold(std::string id, std::string record);
  std::uint64_t fence() const { return fence_; }
  // Known to have ended, or not renewed in time. Never false again.
  bool lost() const;

 private:
  friend class Gate;
  const std::string id_;
  const std::string record_;
  const std::uint64_t fence_;
  mutable std::atomic<bool> lost_{false};
  std::atomic<Mono> until_{never_mono};  // when the lease ends at the earliest
  manager_detail::Keeper::Id renewal_ = 0;
};

class Gate {
 public:
  // `gate`: "lock:NAME" or "semaphore:NAME". `value`: of a semaphore; "" for a lock.
  Gate(const Manager& manager, std::string gate, std::string value, Options options);

  // Null: not within the timeout.
  std::shared_ptr<Hold> acquire(const Timeout& timeout);
  // What acquire() is given by who says "blocking" too. Throws ValueError for a timeout that is not waited.
  static Timeout patience(bool blocking, const Timeout& timeout);
  // Throws LockLost if the lease had ended before. The hold is over in any case.
  void release(Hold& hold);
  // Ends the renewals: the hold is over when its lease ends.
  void abandon(Hold& hold);

  const Manager& manager() const { return manager_; }
  const std::string& name() const { return gate_; }
  const std::string& value() const { return value_; }

 private:
  redis::Value ask(const std::string& id, bool wait);
  std::shared_ptr<Hold> held(const std::string& id, const std::string& record, Mono since, bool handed_over);
  std::shared_ptr<Hold> leave(const std::string& id);
  std::string lease_text() const;

  const Manager manager_;
  const std::string gate_;
  const std::string value_;
  const std::chrono::milliseconds lease_;
};

}  // namespace joinery::locks
