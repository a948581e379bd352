// The deciding part of the core: reads the ledger, records changes, and tells whom it concerns. Each group of
// functions has a file: sessions, submit, dispatch, finish, admin, waiting, tick.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/core.h"
#include "broker/core/keys.h"
#include "broker/core/ledger.h"
#include "broker/core/serving.h"
#include "broker/core/timers.h"

namespace joinery::broker {

// Places of jobs that one turn looks at, where all of them are asked for: a few milliseconds.
constexpr Slot slice_slots = 1U << 17U;

struct Session {
  SessionId id;
  Role role = Role::producer;
  bool role_known = true;  // false: known only from the journal
  bool connected = false;
  Mono last_heard{};
  Mono gone_at = never_mono;   // lost or forgotten then
  Mono timer_at = never_mono;  // earliest timer set
  // Role::worker:
  WorkerInfo info;
  std::vector<std::uint32_t> queues;  // as info.queues; 0: there is no such queue yet
  Places ready;                       // of those that may have something to deliver
  std::vector<bool> handlers;         // by number
  bool any_handler = false;
  std::uint32_t turn = 0;       // with weights: the queue that is served,
  std::uint32_t turn_left = 0;  // and how many more of its jobs until it is the next one's turn
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  // Outcomes for it that are not sent yet.
  std::vector<effect::JobOutcome> outcomes;
  bool outcomes_durable = false;

  bool can_run(std::uint32_t handler) const {
    return any_handler || (handler < handlers.size() && handlers[handler]);
  }
};

// Who waits for one job: a Watch, or a Join over several jobs.
struct JobWatch {
  SessionId session;
  std::uint64_t request = 0;
  std::uint64_t join = 0;  // number of the JobsJoin; 0: a Watch
};
// Jobs submitted with `watch`.
struct WatchRange {
  std::uint32_t count = 0;
  std::uint32_t left = 0;
  SessionId session;
};
struct Waiter {
  SessionId session;
  std::uint64_t request = 0;
  bool operator==(const Waiter&) const = default;
};
struct JobsJoin {
  Waiter waiter;
  std::uint64_t left = 0;
  Counts counts;
};

class Core::Impl {
 public:
  explicit Impl(CoreOptions core_options)
      : options(std::move(core_options)),
        ledger({options.finished_kept, options.batches_kept, options.history_bytes}) {
    keys.declare(Now{}, options.limits);
  }

  // sessions.cpp
  void on(Now now, const Connect& command, Effects& effects);
  void on(Now now, const Disconnect& command, Effects& effects);
  void on(Now now, const Capacity& command, Effects& effects);
  Session* session(SessionId id);
  Session* require(SessionId id, std::uint64_t request, Effects& effects);  // null: refused with no_session
  Session* require_worker(SessionId id, std::uint64_t request, Effects& effects);
  Session& open_session(Now now, SessionId id, Role role);
  void describe_worker(Session& session, const WorkerInfo& info);
  void compare_held(Session& session, std::span<const Token> held, Effects& effects);
  void set_session_timer(Session& session, Mono at);
  void watch_parked(Now now, SessionId id);
  void withdraw_abandoned(Now now, SessionId id, std::uint64_t sequence, Effects& effects);
  void check_session(Now now, SessionId id, Effects& effects);
  void lose(Now now, Session& session, bool goodbye, Effects& effects);
  void take_back(Now now, SessionId worker, bool lost, Effects& effects);

  // checks.cpp
  std::optional<Error> check_group(const PutGroup& group) const;
  std::optional<Error> check_content(const PutGroup& group) const;
  std::optional<Error> check_submitted(const PutGroup& group) const;
  std::optional<Error> check_together(const PutGroup& group) const;
  std::optional<Error> check_times(Now now, const PutGroup& group) const;
  std::optional<Error> check_room(std::uint32_t queue, std::string_view name, std::uint64_t number) const;

  // submit.cpp
  void on(Now now, const Submit& command, Effects& effects);
  bool repeated(SessionId session, std::uint64_t sequence, Effects& effects);
  void answer(const change::Answer& answer, Effects& effects);
  bool put_groups(Now now, const Submit& command, std::vector<GroupAnswer>& answers, Effects& effects);
  GroupAnswer put_group(Now now, const Submit& submit, const PutGroup& group, std::uint32_t index,
                        std::span<const JobId> frame, bool& parked, Effects& effects);
  JobId put(Now now, const PutGroup& group, std::uint32_t queue, std::uint32_t index, bool parked,
            Effects& effects);
  std::uint32_t need_queue(std::string_view name, Effects& effects);
  void change_queue(std::uint32_t id, const std::function<void(change::Queue&)>& edit, Effects& effects);
  void admit(std::uint32_t queue, Effects& effects);
  void admit_jobs(std::span<const JobId> jobs, Effects& effects);
  void finish_parked(SessionId session, std::uint64_t sequence, Effects& effects);
  void give_up_parked(Now now, SessionId session, std::uint64_t sequence, const Error& why, Effects& effects);
  bool has_worker(std::uint32_t queue, std::uint32_t handler) const;

  // flows.cpp
  struct FlowPlan;
  Result<BatchId> put_flow(Now now, const Submit& command, std::vector<GroupAnswer>& answers,
                           Effects& effects);
  std::optional<Error> plan(FlowPlan& plan, PutGroup group);
  Result<JobId> find_conflict(const FlowPlan& plan, const PutGroup& group, std::uint32_t queue) const;

  // unique.cpp
  const Claim* claim_of(const PutGroup& group, std::uint32_t queue, std::string_view key) const;
  std::optional<Error> check_unique(const PutGroup& group) const;
  Result<JobId> find_conflict(const PutGroup& group, std::uint32_t queue) const;
  void replace_claimants(Now now, const PutGroup& group, std::uint32_t queue, Effects& effects);
  Result<JobId> settle_conflicts(Now now, const PutGroup& group, std::uint32_t queue, Effects& effects);

  // specs.cpp
  SpecId intern(const Spec& spec, Effects& effects);

  // dispatch.cpp
  struct Taking {
    Session* worker = nullptr;
    Holder* holder = nullptr;
    std::uint32_t free = 0;
    change::Start start;
    effect::Dispatch dispatch;
    Effects* effects = nullptr;
  };
  void dispatch(Effects& effects);
  std::uint32_t take(Taking& taking, std::uint32_t most);
  std::uint32_t take_in_turns(Taking& taking, std::uint32_t most);
  std::uint32_t take_from(std::uint32_t id, Taking& taking, std::uint32_t most);
  std::uint32_t take_best(QueueState& queue, const std::vector<std::uint32_t>& lines, Taking& taking,
                          std::uint32_t most);
  void deliver(const QueueState& queue, const Job& job, std::size_t from, Taking& taking);
  std::uint32_t take_by_keys(const QueueState& queue, std::vector<std::uint32_t> candidates, Taking& taking,
                             std::uint32_t most);
  std::uint64_t ready_for(const Session& worker, std::uint64_t most) const;

  // finish.cpp
  void on(Now now, const Finish& command, Effects& effects);
  void finish_runs(Now now, Session& worker, const Finish& command, std::vector<Token>& refused,
                   bool& durable, Effects& effects);
  void drop_repetitions(std::vector<Run>& runs, std::vector<Token>& refused);
  void report(Now now, Session& worker, const CoreReport& report, std::uint32_t group, Effects& effects);
  std::optional<Error> check_children(const Job& parent, std::span<const PutGroup> groups);
  void children(Now now, const Job& parent, std::span<const PutGroup> groups, std::uint32_t group,
                Effects& effects);
  void fail_delivery(Now now, const Job& job, const Report& report, Effects& effects);
  void bury(Now now, const Job& job, const Failure& failure, Effects& effects);
  void end(Now now, Outcome outcome, std::vector<JobId> jobs, Effects& effects, const std::string& why = {});
  void end_stopped(Now now, const Job& job, Effects& effects);
  Wall backoff_until(Now now, const Job& job, std::uint32_t failures) const;

  // admin.cpp
  void on(Now now, const Admin& command, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Configure& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Pause& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Resume& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Cancel& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Retry& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Delete& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const OpenBatch& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const Update& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const MoveTo& verb, Effects& effects);
  static std::unexpected<Error> unknown_job(JobId id);
  std::unexpected<Error> ended_already(JobId id, std::string_view expected) const;
  Result<std::uint64_t> verb(Now now, const SetLimit& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const DeleteLimit& verb, Effects& effects);
  static Result<std::uint64_t> verb(Now now, const Refuse& verb, Effects& effects);
  void on(Now now, const HoldKey& command, Effects& effects);
  Result<std::uint32_t> known_queue(const std::string& name) const;

  // schedules.cpp
  Result<std::uint64_t> verb(Now now, const SetSchedule& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const DeleteSchedule& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const PauseSchedule& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const ResumeSchedule& verb, Effects& effects);
  Result<std::uint64_t> verb(Now now, const RunSchedule& verb, Effects& effects);
  void on(Now now, const Fire& command, Effects& effects);
  Result<ScheduleState> known_schedule(const std::string& name) const;
  Result<JobId> put_scheduled(Now now, const ScheduleState& state, PutGroup group, Effects& effects);

  Result<std::vector<JobId>> dead_letters(std::vector<JobId> jobs) const;
  bool any_dead(std::uint32_t queue) const;
  std::uint64_t cancel(Now now, const std::vector<JobId>& jobs, Duration grace, Effects& effects,
                       const std::string& why = {});
  void note_cancelled(JobId id, const std::string& why);

  // bulk.cpp
  struct Match {
    const Filter* filter = nullptr;
    std::uint32_t queue = 0;
    std::uint32_t key = 0;
    std::vector<BatchId> batches{};  // sorted: the one asked for and those in it
    bool none = false;               // nothing can fit
  };
  Result<std::uint64_t> verb(Now now, const Bulk& verb, Effects& effects);
  Result<Match> match_of(const Filter& filter) const;
  bool fits(const Match& match, const Job& job) const;
  bool applies(BulkVerb verb, const Job& job) const;
  void perform(Now now, const Bulk& verb, std::uint32_t to, const std::vector<JobId>& jobs, Effects& effects);

  // history.cpp
  Result<std::uint64_t> verb(Now now, const PurgeHistory& verb, Effects& effects);
  void age_history(Now now, std::uint32_t queue);
  void fire_history(Now now);
  static Duration history_age(const QueueState& queue);

  // batches.cpp
  Result<std::uint64_t> verb(Now now, const CloseBatch& verb, Effects& effects);
  std::optional<Error> check_batch(BatchId id, const char* field) const;
  std::optional<Error> check_parent(BatchId id) const;
  const BatchState* around_flow(BatchId id) const;
  std::vector<BatchId> with_nested(BatchId id) const;
  std::uint64_t cancel_batch(Now now, BatchId id, Duration grace, Effects& effects);
  void sweep(Now now, Effects& effects);
  bool drop_ghosts(const std::vector<std::uint32_t>& lines, Effects& effects);
  bool cancelled(BatchId id) const;

  // dependencies.cpp
  std::optional<Error> resolve_after(PutGroup& group, std::span<const JobId> frame, JobId first);
  std::optional<Error> check_after_batch(const PutGroup& group, BatchId id) const;
  void end_broken(Effects& effects);

  // edits.cpp
  Result<std::vector<JobId>> waiting_jobs(std::vector<JobId> jobs, bool dead_letters) const;
  std::optional<Error> check_move(const std::vector<JobId>& jobs, std::uint32_t to) const;

  // waiting.cpp
  void on(Now now, const Join& command, Effects& effects);
  void on(Now now, const Watch& command, Effects& effects);
  void on(Now now, const Forget& command, Effects& effects);
  void join_jobs(const Join& command, Effects& effects);
  void watch_jobs(SessionId session, JobId first, std::uint32_t count);
  std::optional<SessionId> leave_range(JobId id);
  void watch_groups(SessionId session, const std::vector<GroupAnswer>& groups);
  void tell_ended(Fallout::Ended& ended, Effects& effects);
  void tell_session(SessionId id, const Fallout::Ended& ended);
  void tell_joined(const Waiter& waiter, const Counts& counts, bool durable, Effects& effects);
  void check_joins(Effects& effects);
  void flush_outcomes(Effects& effects);
  std::optional<effect::JobOutcome> outcome_of(JobId id) const;

  // tick.cpp
  void begin(Now now);
  void settle(Effects& effects);  // acts on the fallout of what was recorded
  void tick(Now now, Effects& effects);
  // Whether the next tick has something to do at any time.
  bool at_once() const { return dispatch_wanted || ledger.ghosts() != 0 || !broken_later_.empty(); }
  void fire_wall(Now now, Effects& effects);
  void arm(JobId id);
  void arm_due(JobId id);
  void stop_late(Now now, const std::vector<JobId>& jobs, Effects& effects);
  void start(Now now, Effects& effects);

  // Evolves the ledger, and keeps the change for the journal.
  void record(Change change, Effects& effects) {
    JOINERY_CHECK(ledger.evolve(change, fallout));
    effects.changes.push_back(std::move(change));
  }
  void refuse(SessionId session, std::uint64_t request, Error error, Effects& effects) {
    effects.effects.push_back(effect::Refused{session, request, std::move(error)});
  }
  JobView view(const Job& job) const;
  FinishedView view(const QueueState& queue, const History::Run& run) const;
  FinishedView view_dead(const Job& job) const;
  JobId window(const FinishedFilter& filter, JobId end) const;

  CoreOptions options;
  Ledger ledger;
  Keys keys{ledger};
  Fallout fallout;
  Code refuse_puts = Code::ok;
  bool dispatch_wanted = false;
  std::map<JobId, std::string> cancelled_why_;  // of running ones that were told; gone with this life
  std::vector<JobId> broken_later_;             // come after what did not succeed; end in the next tick

  BySession<Session> sessions;
  std::vector<SessionId> workers;  // in the order in which they came
  Serving serving;
  std::unordered_map<JobId, std::vector<JobWatch>> watches;
  std::map<JobId, WatchRange> watch_ranges;
  std::map<std::uint32_t, std::vector<Waiter>> queue_joins;
  std::map<BatchId, std::vector<Waiter>> batch_joins;
  std::map<std::uint64_t, JobsJoin> jobs_joins;
  std::uint64_t next_join = 1;
  std::vector<SessionId> with_outcomes;
  std::unordered_map<std::string, SpecId> spec_ids;

  Timers<DelayTimer> delays;
  Timers<WallTimer> wall_timers;
  Timers<HistoryTimer> history_timers;
  Timers<SessionTimer> session_timers;

 private:
  Now now_{};
  std::deque<std::vector<Wall>> due_buffers_;  // of the Puts of the command under way
  std::deque<Columns> column_buffers_;         // the same, where the core had to change them
  JobId first_new_ = 0;                        // jobs from here on were put by the command under way
  Slot sweep_at_ = 0;
  std::size_t sweep_left_ = 0;  // ghosts that dispatching may still end in this tick
};

}  // namespace joinery::broker
