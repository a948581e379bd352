// Jobs that are given the results of those before them wait here until Redis has told these. Then they go on
// as if they had just been dispatched, with the results in the place of the ids.
//
// Threads: none of its own; the loop's.
#pragma once

#include <functional>
#include <list>
#include <vector>

#include "shared/protocol/messages.h"
#include "shared/results/results.h"
#include "worker/supervisor/broker_link.h"

namespace joinery::worker {

class Inputs {
 public:
  // A job whose inputs are all there: views of the dispatch point into the frame.
  using Ready = std::function<void(const DispatchFrame& frame, const protocol::Dispatch& dispatch)>;
  using Ended = std::function<void(OwnedReport report)>;
  Inputs(Ready ready, Ended ended) : ready_(std::move(ready)), ended_(std::move(ended)) {}

  // Takes the jobs with inputs; `rest` gets the others. False: there were none, and `rest` is as it was.
  bool take(const DispatchFrame& frame, const protocol::Dispatch& dispatch, protocol::Dispatch& rest);
  void revoke(const protocol::Revoke& revoke);
  // Lets all of them go on without their inputs, to be handed back by whoever takes them.
  void release();
  std::size_t waiting() const { return waiting_.size(); }
  void held_tokens(std::vector<Token>& out) const;

  // `redis`: null: there is none, and no result is kept. Another one than before knows nothing of what was
  // asked.
  void process(Now now, redis::Pipeline* redis, SessionId broker);
  Mono next_deadline() const { return retry_at_; }

 private:
  struct Waiting {
    DispatchFrame frame;
    std::string queue;
    Bytes spec;  // this and the job point into the frame
    Token token;
    protocol::DispatchedJob job;
    std::vector<JobId> needs;
    bool asked = false;
  };
  using Found = std::vector<std::optional<results::Stored>>;
  void answered(std::uint64_t round, const Token& token, Result<Found> found);
  void pass(const Waiting& job, const Found& found);
  void fail(const Waiting& job, Code code, std::string why);

  Ready ready_;
  Ended ended_;
  std::list<Waiting> waiting_;
  redis::Pipeline* redis_ = nullptr;
  std::uint64_t round_ = 0;  // answers of an earlier connection to Redis do not count
  bool unasked_ = false;
  bool failed_ = false;
  Mono retry_at_ = never_mono;
};

}  // namespace joinery::worker
