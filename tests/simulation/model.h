// What a job queue may do, as simply as it can be said: a table of jobs that is told each change in the order
// in which the broker decided it, and objects as soon as one may not be. It remembers all of them with their
// places in the log, so that after a crash it can be the model of what was left, and compare.
//
// Objecting is throwing Broken.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "broker/core/core.h"
#include "broker/journal/journal.h"
#include "tests/simulation/clock.h"

namespace joinery::simulation {

struct Broken : std::runtime_error {
  using runtime_error::runtime_error;
};

// What one turn decided, kept whole.
struct Decided {
  Instant at{};
  Now now;
  broker::Position end = 0;
  struct Kept {
    broker::Change change;
    std::vector<std::uint32_t> sizes;
    std::vector<Wall> due;
    std::optional<Columns> columns;
    std::vector<Buffer> payloads;
  };
  std::vector<Kept> changes;
};

// Jobs of something by state; without what only time changes.
struct Tally {
  std::uint64_t parked = 0, waiting = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0;
  std::uint64_t unfinished() const { return waiting + running; }
  bool operator==(const Tally&) const = default;
  Tally& operator+=(const Tally& other);
};
Tally tally_of(const Counts& counts);
std::string to_text(const Tally& tally);

struct ModelJob {
  enum class Is : std::uint8_t { parked, waiting, running, dead, ended };
  JobId id = 0;
  Is is = Is::waiting;
  Outcome outcome = Outcome::succeeded;
  bool gone = false;              // dropped: counted, but not to be asked for any more
  bool ghost = false;             // of a batch that was cancelled while it waited
  broker::Position last_end = 0;  // of the record with which it ended last; 0: it never has
  std::set<Outcome> outcomes;     // that it has had: a dead letter that is retried gets another one
  bool cancelling = false;
  std::uint32_t queue = 0;
  std::shared_ptr<const Spec> spec;
  BatchId batch = 0;
  JobId parent = 0;
  Token token;                            // of its last delivery
  broker::Position put_end = 0, end = 0;  // of the records that put it and that said last what it is
  Buffer payload;
  std::string key, unique;
  std::vector<JobId> after;  // those that had not ended when it was put
  std::vector<BatchId> after_batches;
  // Order among its like.
  std::int64_t priority = 0, order = 0;
  bool plain = true;       // nothing but its order and its key decide when it starts
  bool keeps_turn = true;  // of its key until it is through, since it started and was not told otherwise
  std::optional<Mono> not_before;
  std::uint32_t epoch = 0;  // in which not_before has a meaning

  bool is_unfinished() const { return is == Is::waiting || is == Is::running; }
};

struct Remembered {
  JobId job = 0;
  Wall at{};
};
struct ModelQueue {
  std::string name;
  QueueOptions options;
  bool paused = false;
  Tally tally{};
  std::int64_t front = 0, back = 0;
  std::deque<Remembered> history;  // all that ended in it and may still be told
  std::size_t sure = 0;            // of the last ones: that must be told
};
struct ModelBatch {
  BatchId parent = 0;
  bool held = false, closed = false, cancelled = false;
  bool had_end = false;  // for those who come after it
  Tally tally{};
};
// Of each batch and those in it, whose ids are greater.
std::map<BatchId, Tally> with_nested(const std::map<BatchId, ModelBatch>& batches);

// What starts of a node of keys have used up, whatever the log remembers of them: they took place.
struct ModelNode {
  std::optional<Mono> last;
  Mono full_at{};  // when all of its burst can start again
};
// What a handler wanted of a node.
struct ModelHold {
  Duration interval{};
  Mono until{};
  std::uint32_t epoch = 0;  // in which `until` has a meaning
};

// When something had nothing unfinished, and how it was counted since when.
struct Idle {
  Instant since{}, until = never;
  broker::Position since_end = 0;
  std::vector<std::pair<Instant, Tally>> tallies{};
};

class Model {
 public:
  explicit Model(std::vector<Limit> declared) : declared_(std::move(declared)) {}

  void decided(Decided decided);
  // The broker is back, with a log that ends at `end`: keeps what was decided up to there, and objects if
  // something that was promised lies behind.
  void recovered(broker::Position end);
  // The core says the same. `all`: of every job, not only in numbers.
  void compare(const broker::Core& core, Now now, bool all) const;
  // The same of a core that was read from a log up to `end`, of this model's own past.
  void compare_past(const broker::Core& core, Now now, broker::Position end) const;

  // Whoever was told something may rely on all up to `end`.
  void promised(broker::Position end) { promised_ = std::max(promised_, end); }

  const ModelJob* job(JobId id) const;
  const std::map<JobId, ModelJob>& jobs() const { return now_.jobs; }
  const std::map<BatchId, ModelBatch>& batches() const { return now_.batches; }
  const std::vector<ModelQueue>& queues() const { return now_.queues; }
  const std::map<std::string, broker::ScheduleState>& schedules() const { return now_.schedules; }
  const Tally& totals() const { return now_.totals; }
  // End of the record with the answer to a changing request, and what it says.
  const std::pair<broker::Position, broker::change::Answer>* answer(SessionId session,
                                                                    std::uint64_t sequence) const;
  // End of the record with which a delivery ended.
  std::optional<broker::Position> ended_by(const Token& token) const;
  // model_answers.cpp
  // The earliest record at which the target had nothing unfinished, of those times that reach beyond
  // `since`.
  std::optional<broker::Position> idle_since(const std::string& queue, BatchId batch, Instant since) const;
  // What a join that was asked for at `since` reports: as its target was counted when it was idle. Of jobs:
  // each that is known by an outcome that it has had.
  void check_joined(const std::string& queue, BatchId batch, Instant since, const Counts& counts) const;
  void check_joined(const std::vector<JobId>& jobs, const Counts& counts) const;
  // The same in words.
  std::string describe(JobId id) const;

 private:
  struct TokenLess {
    bool operator()(const Token& a, const Token& b) const {
      return std::pair(a.job, a.fence()) < std::pair(b.job, b.fence());
    }
  };
  struct State {
    std::map<JobId, ModelJob> jobs;
    std::vector<ModelQueue> queues{1};
    std::map<BatchId, ModelBatch> batches;
    std::map<std::uint32_t, std::shared_ptr<const Spec>> specs;
    std::map<std::pair<SessionId, std::uint64_t>, std::pair<broker::Position, broker::change::Answer>>
        answers;
    std::map<Token, broker::Position, TokenLess> ended;
    std::map<std::string, JobId> payloads;
    std::map<std::string, Limit> limits;
    std::map<std::string, ModelHold> holds;
    std::map<std::string, broker::ScheduleState> schedules;
    std::uint32_t last_schedule = 0;     // greatest number of one
    std::map<std::string, JobId> turns;  // by queue and key: the ordered job whose turn it is
    std::map<std::uint32_t, std::vector<Idle>> idle_queues;
    std::map<BatchId, std::vector<Idle>> idle_batches;
    Tally totals;
    JobId next = 1;
    std::uint32_t epoch = 0;
  };

  void apply(const Decided& decided);
  void on(const broker::change::Epoch& change);
  void on(const broker::change::Queue& change);
  void on(const broker::change::DefineSpec& change);
  void on(const broker::change::OpenBatch& change);
  void on(const broker::change::CloseBatch& change);
  void on(const broker::change::CancelBatch& change);
  void on(const broker::change::Put& change);
  void on(const broker::change::Admit& change);
  void on(const broker::change::Answer& change);
  void on(const broker::change::Start& change);
  void on(const broker::change::Finish& change);
  void on(const broker::change::Requeue& change);
  void on(const broker::change::Bury& change);
  void on(const broker::change::Revive& change);
  void on(const broker::change::Drop& change);
  void on(const broker::change::Move& change);
  void on(const broker::change::Cancelling& change);
  void on(const broker::change::Update& change);
  void on(const broker::change::Transfer& change);
  void on(const broker::change::SetLimit& change);
  void on(const broker::change::HoldKey& change);
  void on(const broker::change::PurgeHistory& change);
  void on(const broker::change::SetSchedule& change);
  void on(const broker::change::Fired& change);

  ModelJob& need(JobId id, const char* what);
  ModelJob& need_running(const Token& token, const char* what);
  static std::uint64_t& counter(Tally& tally, const ModelJob& job);
  void leave(const ModelJob& job);
  void enter(const ModelJob& job);
  void become(ModelJob& job, ModelJob::Is is, Outcome outcome = Outcome::succeeded);
  void enqueue(ModelJob& job, bool front);

  // model_answers.cpp
  void check_first_answer(const broker::change::Answer& answer) const;
  void check_number(const broker::change::Answer& answer) const;
  bool finished(BatchId id) const;
  bool has_ended(BatchId id) const;
  void note_idle();
  const std::vector<Idle>* idle_times(const std::string& queue, BatchId batch) const;

  // model_rules.cpp
  void check_put(const ModelJob& job) const;
  void check_start(const ModelJob& job) const;
  bool waits_for(const ModelJob& job, JobId first) const;
  void check_started() const;  // all of one record
  void check_order() const;
  void check_limits() const;
  void check_turn(ModelJob& job);
  void check_times(const Decided& decided);
  void check_time(const ModelJob& job, const std::string& name, Now now);
  Limit limit_of(const std::string& node) const;
  std::map<std::string, std::uint32_t> running_by_node() const;
  void compare_keys(const broker::Core& core, Now now) const;
  // model_schedules.cpp
  void check_fired(const broker::change::Fired& change, const broker::ScheduleState& known) const;
  void check_overlap(const broker::change::Fired& change, const broker::ScheduleState& known) const;
  void compare_schedules(const broker::Core& core) const;
  // model_history.cpp
  void remember(const ModelJob& job, Wall at);
  void bound_history(ModelQueue& queue);
  void compare_history(const broker::Core& core, Now now) const;
  void check_bounds(const ModelQueue& queue, const broker::QueueView& view, Now now) const;

  std::vector<Limit> declared_;
  std::vector<Decided> history_;
  State now_;
  const Decided* deciding_ = nullptr;
  const Decided::Kept* kept_ = nullptr;
  std::vector<JobId> started_;  // by the record in hand
  broker::Position promised_ = 0;
  std::map<std::string, ModelNode> nodes_;
  std::map<JobId, std::uint64_t> fences_;  // greatest that was ever decided: also by lives that are forgotten
};

}  // namespace joinery::simulation
