// Handlers by name, and what a handler is given. An object made in main, not a global.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/time.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"
#include "worker/handlers/locals.h"
#include "worker/waiting/strand.h"

namespace joinery {

// Fails the job for good: no further attempt.
class Reject : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// The payload does not fit the handler's arguments. Fails the job for good, as malformed_payload.
class MalformedPayload : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// The handler's result cannot be packed. Fails the job for good, as unencodable_result.
class UnencodableResult : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// Fails the attempt with a failure that the handler describes itself, where an exception's type and message
// say too little (exec: the exit status). `value`: what is kept as the result beside the failure (exec: what
// the command wrote).
class FailedWith : public std::runtime_error {
 public:
  explicit FailedWith(Failure failure, bool retry = true, Buffer value = {})
      : std::runtime_error(failure.message),
        failure_(std::move(failure)),
        retry_(retry),
        value_(std::move(value)) {}
  const Failure& failure() const { return failure_; }
  bool retry() const { return retry_; }
  const Buffer& value() const { return value_; }

 private:
  Failure failure_;
  bool retry_;
  Buffer value_;
};

// Where shared values and locks live: see <joinery/job_manager.h>.
struct SharedPlace {
  std::string redis_url;  // empty: the broker has no Redis
  std::string name_space;
};

// What a handler knows of the delivery it runs. Valid during the call, in the handler's thread (cancelled()
// in any).
class JobContext {
 public:
  virtual ~JobContext() = default;
  virtual JobId id() const = 0;
  virtual Token token() const = 0;
  std::uint32_t attempt() const { return token().attempt; }
  virtual BatchId batch() const = 0;
  virtual const std::string& queue() const = 0;
  virtual const std::string& trace() const = 0;
  // The results of the jobs that it comes after, in their order, if it was submitted with `inputs`: nullopt
  // where there is none, which only a job sees that comes after them whatever their outcome.
  virtual std::vector<std::optional<Bytes>> inputs() const { return {}; }
  // When the soft time limit ends, if there is one.
  virtual std::optional<Mono> deadline() const = 0;
  // True once the job should stop: it was cancelled, or its soft time limit is over.
  virtual bool cancelled() const = 0;
  // Calls `call` once, from another thread, when the job is cancelled (at once if it already is; not at the
  // soft time limit, see deadline()). Never after the handler has returned. `call` must be short. An empty
  // function takes it back, and waits for a call under way.
  virtual void on_cancel(std::function<void()> call) = 0;
  // 0 to 1, and a few words; seen with `joinery job show`. Cheap; the newest wins.
  virtual void progress(double fraction, std::string_view text = {}) = 0;
  virtual void log(std::string_view level, std::string_view text) = 0;
  // A job of the same batch that comes into being with this job's success, in the same change; not at all if
  // it fails. An empty queue is the parent's.
  virtual void submit(std::string handler, Buffer payload, std::string queue = {}) = 0;
  // Payloads are copied. Throws std::invalid_argument if a field of the group is not valid.
  virtual void submit(Group group) = 0;
  // Slows one key down ("host:example.org"; a level, or a path from the outermost level), whatever its limit
  // says: from now on at least so long between two starts, on all workers; zero: as the limit says. Known to
  // the broker before this job's end is. Throws std::invalid_argument for what is no key.
  void set_delay(std::string_view key, std::chrono::milliseconds delay);
  // Nothing of the key starts before.
  void block_until(std::string_view key, Wall time);
  virtual void hold(KeyHold hold) = 0;
  virtual SharedPlace shared_place() const { return {}; }
  // For handlers that wait: co_await job.sleep(100ms) lets the thread's other jobs run. Throws Cancelled.
  waiting::Sleep sleep(Duration duration) const { return waiting::Sleep(duration); }
  // The worker-local object of this type: see locals.h.
  template <typename T>
  T& local() const {
    return joinery::local<T>();
  }
};

namespace handlers {

// Payload in, result out. Throws to fail.
using Handler = std::function<Buffer(JobContext&, Bytes payload)>;
// The same as a coroutine: while it waits, its thread runs other jobs. Context and payload live until it
// ends.
using WaitingHandler = std::function<Coroutine<Buffer>(JobContext&, Bytes payload)>;

class Registry {
 public:
  // Throws std::invalid_argument for a name that is taken or not valid, or an empty function.
  void add(std::string name, Handler handler);
  void add(std::string name, WaitingHandler handler);
  // Called in each thread of each pool process before its first job. One that throws ends the process.
  void initialize(std::function<void()> call);

  // Null: there is none, or none of this kind.
  const Handler* find(std::string_view name) const;
  const WaitingHandler* find_waiting(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) || find_waiting(name); }
  std::vector<std::string> names() const;
  bool some_wait() const;
  void run_initializers() const;

 private:
  using Any = std::variant<Handler, WaitingHandler>;
  void add_any(std::string name, Any handler, bool empty);
  template <typename Kind>
  const Kind* find_kind(std::string_view name) const;

  std::map<std::string, Any, std::less<>> handlers_;
  std::vector<std::function<void()>> initializers_;
};

}  // namespace handlers
}  // namespace joinery

#include "worker/handlers/typed.h"
