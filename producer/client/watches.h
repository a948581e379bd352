// Outcomes: who waits for which jobs, which jobs were submitted to be watched, and what must be asked of the
// broker (again) to learn them. The broker tells an outcome once per connection at best; so after each
// welcome everything that is still unknown is asked again.
//
// Threads: belongs to the client's.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "producer/client/joinery/client.h"
#include "producer/client/session.h"

namespace joinery::client {

class Watches {
 public:
  using Done = std::move_only_function<void(Result<std::vector<JobOutcome>>)>;
  explicit Watches(Session& session) : session_(session) {}

  std::function<void(const JobOutcome&)> on_outcome;

  // These jobs were accepted with `watch`. `ask`: the broker may have told their outcomes to an earlier
  // connection.
  void submitted(JobId first, std::uint32_t count, bool ask);
  // `done` gets the outcome of each job, in the order given; timed_out, or broker_unreachable.
  void wait(Now now, const std::vector<JobId>& jobs, std::optional<Mono> deadline, Done done);

  void welcomed();
  void take(protocol::Outcomes& outcomes);
  void tick(Now now);
  Mono next_deadline() const;
  void fail_all(const Error& error);

 private:
  struct Waiter {
    std::vector<JobOutcome> outcomes;  // job only, while it is not known
    std::size_t missing = 0;
    Mono created;
    std::optional<Mono> deadline;
    Done done;
  };
  struct Place {
    std::shared_ptr<Waiter> waiter;
    std::size_t index;
  };

  void learn(const JobOutcome& outcome);
  void remember(const JobOutcome& outcome);
  void ask(Now now);
  void fail(const std::shared_ptr<Waiter>& waiter, const Error& error);

  Session& session_;
  std::unordered_multimap<JobId, Place> waiting_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::unordered_set<JobId> watched_;  // submitted with `watch`, outcome not known yet
  std::vector<JobId> to_ask_;
  // Outcomes of watched jobs, for a wait() that comes later. The newest only.
  std::unordered_map<JobId, JobOutcome> recent_;
  std::deque<JobId> recent_order_;
  std::size_t recent_bytes_ = 0;  // of their results
};

}  // namespace joinery::client
