// Locks in Redis under Python's names, for threads, processes and hosts.
//
//   joinery::Lock lock(manager, "stock");
//   {
//     std::lock_guard guard(lock);                 // or std::unique_lock, std::scoped_lock
//     stock.set("apple", 3, lock.fence());         // refused if somebody has had the lock since
//   }
//   if (lock.acquire(true, 2.5s)) lock.release();  // Python's words
//
// What all of them share:
// - Names: 1 to 255 bytes without control characters. Objects of the same kind and name in the same Redis and
//   namespace are one thing. (Lock and RLock of one name exclude each other.)
// - Fair: who came first is served first; the lock is handed over, never free in between. Waiters sleep until
//   they are woken. Nobody polls.
// - Leases: what is held is renewed by the library's thread, each third of options.lease. When its process or
//   host dies, the lock is free when the lease ends; at once if the dead owner is known: a process of the
//   same host to those who wait, a pool process to its supervisor, any owner to release_owner().
// - A lease can also be lost to a holder that lives, if its process was stopped or Redis away for longer:
// then
//   lost() is true, release() throws LockLost, and somebody else may hold the lock. What must not be done
//   twice is guarded by the fence.
// - Fences: each acquisition gets a token that is greater than that of every earlier one in the namespace.
// - Timeouts are seconds (std::chrono durations convert): none waits for ever, zero and less does not wait.
// - Errors: joinery::Exception; redis_unreachable when Redis is away for longer than the Manager's timeout.
//   One who waits through a shorter absence goes on waiting, in his old place if Redis still has it.
//
// Threads: every object may be used by any number of threads. A Lock belongs to the thread that acquired it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <joinery/manager.h>
#include "shared/base/exceptions.h"

namespace joinery {

namespace locks {
class Mutex;
class Permits;
class Line;

using Seconds = std::chrono::duration<double>;
using Timeout = std::optional<Seconds>;

struct Options {
  // For how long the lock of a dead owner of whom nothing is known stays taken: 100 ms to an hour.
  std::chrono::milliseconds lease{10'000};
};
}  // namespace locks

// What release() throws when the lease ended before, and somebody else may have held the lock.
class LockLost : public Exception {
 public:
  explicit LockLost(std::string message) : Exception(Code::stale_delivery, std::move(message)) {}
};

class BrokenBarrierError : public Exception {
 public:
  explicit BrokenBarrierError(std::string message) : Exception(Code::cancelled, std::move(message)) {}
};

// What Lock and RLock have in common. Fits std::lock_guard, unique_lock and scoped_lock.
class BasicLock {
 public:
  ~BasicLock();  // gives back what is held
  BasicLock(const BasicLock&) = delete;
  BasicLock& operator=(const BasicLock&) = delete;

  // True if the lock is held now. blocking = false: does not wait.
  bool acquire(bool blocking = true, locks::Timeout timeout = {});
  // Throws ValueError if the calling thread does not hold it (not at all, any more, or another does);
  // LockLost if the lease was lost.
  void release();

  void lock() { acquire(); }
  bool try_lock() { return acquire(false); }
  bool try_lock_for(locks::Seconds timeout) { return acquire(true, timeout); }
  template <typename Clock, typename D>
  bool try_lock_until(const std::chrono::time_point<Clock, D>& end) {
    return acquire(true, locks::Seconds(end - Clock::now()));
  }
  // As release(), but a lost lease or a silent Redis is no exception, because guards call it in destructors:
  // the lock is then free when its lease ends.
  void unlock();

  // Of the calling thread's acquisition. Throws ValueError if it holds none.
  std::uint64_t fence() const;
  // The calling thread's lease has ended; stays true until it releases. False if it holds none.
  bool lost() const;
  // Whether the calling thread holds it (and has not lost it).
  bool owned() const;
  // Whether anybody holds it, as Redis knows it.
  bool locked() const;

  const std::string& name() const;
  const Manager& manager() const;

 protected:
  BasicLock(const Manager& manager, std::string name, bool reentrant, locks::Options options);

 private:
  friend class Condition;
  std::unique_ptr<locks::Mutex> mutex_;
};

// A second acquire() of the same thread waits, as Python's.
class Lock : public BasicLock {
 public:
  Lock(const Manager& manager, std::string name, locks::Options options = {})
      : BasicLock(manager, std::move(name), false, options) {}
};

// The thread that holds it may acquire it again (by the same object), and releases it as often.
class RLock : public BasicLock {
 public:
  RLock(const Manager& manager, std::string name, locks::Options options = {})
      : BasicLock(manager, std::move(name), true, options) {}
};

// `value` permits; they are given back when their holder dies. All who name it must name the same value.
//
// release() gives back a permit of this object, whichever thread took it. If there is none, the value grows
// by one, as Python's does. (A permit released by another process than took it counts twice if the taker
// dies later; to signal, use Event, Condition or a queue.)
class Semaphore {
 public:
  Semaphore(const Manager& manager, std::string name, std::uint32_t value = 1, locks::Options options = {});
  ~Semaphore();  // gives back what is held
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  bool acquire(bool blocking = true, locks::Timeout timeout = {});
  void release(std::uint32_t number = 1);
  // BasicLockable.
  void lock() { acquire(); }
  bool try_lock() { return acquire(false); }
  bool try_lock_for(locks::Seconds timeout) { return acquire(true, timeout); }
  void unlock();  // as BasicLock's

  // How many permits are free now.
  std::int64_t get_value() const;
  const std::string& name() const;

 protected:
  Semaphore(const Manager& manager, std::string name, std::uint32_t value, bool bounded,
            locks::Options options);

 private:
  std::unique_ptr<locks::Permits> permits_;
};

// release() without a permit is a ValueError.
class BoundedSemaphore : public Semaphore {
 public:
  BoundedSemaphore(const Manager& manager, std::string name, std::uint32_t value = 1,
                   locks::Options options = {})
      : Semaphore(manager, std::move(name), value, true, options) {}
};

// A flag that can be waited for. It stays as it was set when its setter dies.
class Event {
 public:
  Event(const Manager& manager, std::string name);
  ~Event();

  void set();  // wakes all
  void clear();
  bool is_set() const;
  // The flag: false after the timeout.
  bool wait(locks::Timeout timeout = {});

 private:
  std::unique_ptr<locks::Line> line_;
};

// wait() gives up the lock, sleeps until it is notified, and takes the lock again. Everything but the
// constructor throws ValueError unless the calling thread holds the lock. Conditions are shared by the name
// of their lock.
class Condition {
 public:
  // `lock` must outlive it.
  explicit Condition(BasicLock& lock);
  // With an RLock of its own.
  Condition(const Manager& manager, std::string name);
  ~Condition();

  bool acquire(bool blocking = true, locks::Timeout timeout = {}) { return lock_.acquire(blocking, timeout); }
  void release() { lock_.release(); }
  void lock() { lock_.lock(); }
  bool try_lock() { return lock_.try_lock(); }
  void unlock() { lock_.unlock(); }

  // False after the timeout. The lock is held again in any case, unless Redis went away.
  bool wait(locks::Timeout timeout = {});
  // Until `predicate` is true; its last value.
  bool wait_for(const std::function<bool()>& predicate, locks::Timeout timeout = {});
  // Wakes those who have waited longest. Who died in wait() is passed over: a process of the notifier's host,
  // or of the host of one who waits behind it, at once; others when their lease (10 s) has ended.
  void notify(std::uint32_t number = 1);
  void notify_all();

 private:
  void require_lock(const char* verb) const;

  std::unique_ptr<RLock> own_;
  BasicLock& lock_;
  std::unique_ptr<locks::Line> line_;
};

// `parties` meet at wait(), again and again. All who name it must name the same number.
class Barrier {
 public:
  // `action` is called by the last to arrive, before the others go on; if it throws, the barrier is broken.
  // `timeout` is that of each wait() without its own.
  Barrier(const Manager& manager, std::string name, std::uint32_t parties, std::function<void()> action = {},
          locks::Timeout timeout = {});
  ~Barrier();

  // The order of arrival, 0 to parties - 1: different for each. Throws BrokenBarrierError if the barrier is
  // broken, or is while this waits; a timeout breaks it, and so does who dies while he waits: at once where
  // release_owner() is told; if he was of the host of one who came later, or comes; else when the next one
  // comes after his lease (10 s).
  std::uint32_t wait(locks::Timeout timeout = {});
  // Breaks it: all who wait and will wait get BrokenBarrierError, until reset().
  void abort();
  // As new. Who waits gets BrokenBarrierError.
  void reset();
  std::uint32_t parties() const { return parties_; }
  std::uint32_t n_waiting() const;
  bool broken() const;

 private:
  std::unique_ptr<locks::Line> line_;
  std::uint32_t parties_;
  std::function<void()> action_;
  locks::Timeout timeout_;
};

}  // namespace joinery
