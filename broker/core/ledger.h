// The durable state: jobs, queues, batches, Specs, answers, and who holds what. It changes only by evolve(),
// live and at recovery alike; what is decided, timed or told to anybody is not known here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/by_name.h"
#include "broker/core/change.h"
#include "broker/core/dependencies.h"
#include "broker/core/effect.h"
#include "broker/core/history.h"
#include "broker/core/interner.h"
#include "broker/core/jobs.h"
#include "broker/core/name_index.h"
#include "broker/core/unique.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"

namespace joinery::broker {

// The ready jobs of one queue with the same handler and priority, next to be delivered first. So a handler
// that no worker has blocks nobody else, and a priority costs a job nothing.
struct Line {
  std::uint32_t queue = 0;
  std::uint32_t handler = 0;
  std::int64_t priority = 0;
  Slot head = no_slot;
  Slot tail = no_slot;
  std::uint64_t jobs = 0;  // of any state that belong to it

  // A lane (lanes.cpp): ready jobs of one key that were taken out of line `base`, in the same order. Its jobs
  // count as those of the line. Of a line, `base` is its own number.
  std::uint32_t base = 0;
  std::uint32_t key = 0;
  std::uint32_t open = 0;    // of a line: its open lanes. Of a lane: 1 if its head may be next
  std::uint32_t serial = 0;  // of this use of the number
  Slot hint = no_slot;       // where a job was put last
  std::uint32_t woken = 0;   // which gate opened the lane, + 1
  std::uint64_t rank = 0;    // in a fair queue
};

struct QueueState {
  std::uint32_t id = 0;
  std::string name;
  QueueOptions options;
  bool paused = false;
  std::string paused_by;
  std::string pause_reason;
  Wall paused_since{};
  Counts counts;
  // Lines with ready jobs, by priority. Among the lines of one priority, the job with the smaller order is
  // first.
  std::map<std::int64_t, std::vector<std::uint32_t>> levels;
  std::uint32_t front = 0x8000'0000;  // order of the foremost job so far
  std::uint32_t back = 0x8000'0000;
  Slot parked_head = no_slot;
  Slot parked_tail = no_slot;
  std::uint32_t recent_line = 0;  // of its lines without priority, the one looked up last; 0: none
  History history;

  bool turned = false;  // is in Ledger::turned

  std::uint64_t waiting() const { return counts.ready + counts.scheduled + counts.blocked; }
};

struct BatchState {
  // Of batches in each other: whatever happens to a job is counted in each that it is in.
  static constexpr std::size_t depth_max = 32;

  BatchId id = 0;
  std::string name;
  Wall opened_at{};
  Counts counts;              // of its own jobs
  Counts inner;               // of those of the batches in it, also of such as are forgotten
  std::uint64_t settled = 0;  // since when it has nothing unfinished, as a key of Ledger::settled_; 0: it has
  BatchId parent = 0;
  BatchState* outer = nullptr;  // the parent, while it is there
  std::vector<BatchId> children;
  std::uint32_t nested = 0;   // children that are not finished
  std::uint32_t spoiled = 0;  // children that were finished without having succeeded as a whole
  bool held = false;          // to be closed first
  bool busy = false;          // had something unfinished, and was not finished since
  bool ended = false;         // was finished, and has nothing unfinished since
  bool spoils = false;        // counts in its parent's spoiled
  bool cancelled = false;     // takes no jobs any more; those that wait are ghosts
  std::uint64_t ghosts = 0;
  struct Share {
    std::uint32_t queue = 0;
    std::uint64_t scheduled = 0;
    std::uint64_t blocked = 0;
    std::uint64_t ready = 0;
  };
  std::vector<Share> shares;                                  // its waiting jobs, by queue
  std::unordered_map<std::uint32_t, std::uint32_t> share_at;  // where they are, if they are many

  Share* share_of(std::uint32_t queue);
  std::vector<Share> take_shares() {
    share_at.clear();
    return std::exchange(shares, {});
  }

  // Counts jobs of its own, also where it is in others. `What`: a State or an Outcome.
  template <typename What>
  void count(What what, std::int64_t number);
  Counts all() const;
  std::size_t depth() const;  // 1: it is in no other

  bool finished() const { return counts.unfinished() == 0 && nested == 0 && !held; }
  bool all_succeeded() const {
    return counts.failed + counts.cancelled + counts.expired + spoiled == 0 && !cancelled;
  }
};

struct SpecState {
  Spec spec;
  std::uint32_t handler = 0;
  std::uint64_t jobs = 0;
  std::uint64_t idle = 0;  // since when no job uses it, as a key of Ledger::idle_specs; 0: used, or no Spec
};

// A session that holds deliveries.
struct Holder {
  SessionId session;
  Slot head = no_slot;
  std::uint32_t holds = 0;
};

// What a session was answered and may ask again.
struct SessionLog {
  std::uint64_t last_sequence = 0;
  std::uint64_t confirmed = 0;
  std::deque<change::Answer> answers;  // by sequence
  change::Answer* find(std::uint64_t sequence);
};

// Parked jobs of one group of a Submit.
struct ParkedGroup {
  std::uint32_t count = 0;
  SessionId session;
  std::uint64_t sequence = 0;
};

struct SessionHash {
  std::size_t operator()(const SessionId& id) const { return id.high ^ (id.low * 0x9e37'79b9'7f4a'7c15ULL); }
};
template <typename T>
using BySession = std::unordered_map<SessionId, T, SessionHash>;

// For fields of 48 bits.
inline std::uint64_t to_ms(Wall wall) {
  const auto us = std::max<std::int64_t>(wall.time_since_epoch().count(), 0);
  return static_cast<std::uint64_t>(us / 1000) & 0xffff'ffff'ffffULL;
}

// Smaller orders first; they may wrap.
inline bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

// What evolving brought about, for the deciding part to act on. Not used at recovery.
struct Fallout {
  struct Ended {
    effect::JobOutcome outcome;
    Durability level = Durability::sync;
  };
  std::vector<JobId> broken;  // come after something that did not succeed (Waits::broken)
  std::vector<Ended> ended;   // watched jobs with an outcome
  std::vector<Place> released;
  std::vector<JobId> scheduled;
  std::vector<JobId> expiring;
  std::vector<std::uint32_t> queues_done;  // perhaps nothing unfinished any more
  std::vector<std::uint32_t> batches_done;
  std::vector<std::uint32_t> room_in;  // queues with parked jobs that have room now
  bool ready = false;                  // there may be something to dispatch
  // Deliveries that ended and held something of the limits of their key. `kept`: an ordered job that is to
  // run again, 0: none. `died`: with their process or worker, so that nobody knows what they did last.
  struct Grip {
    std::uint32_t grip = 0;
    JobId kept = 0;
    bool died = false;
  };
  std::vector<Grip> grips;
  std::vector<std::uint32_t> remembered;  // queues whose history begins, or is bounded otherwise
  bool limits = false;                    // changed
  std::vector<std::string> nodes;         // held
};

class Ledger {
 public:
  struct Kept {
    std::size_t finished = 0;
    std::size_t batches = 0;
    std::size_t history_bytes = 0;  // of all queues together
  };
  explicit Ledger(const Kept& kept);

  // Applies a change. False: it does not fit the state (a damaged journal, or a mistake of ours); the state
  // may be half changed then. `position`: where the payloads of a Put or Move are.
  bool evolve(const Change& change, Fallout& fallout, std::uint64_t position = 0);
  bool evolve_start(SessionId worker, std::span<const Run> runs, Fallout& fallout);
  void start_delivery(Slot slot, std::uint32_t attempt, std::uint32_t of_epoch, std::uint32_t holder,
                      Fallout& fallout);

  // A waiting job of a cancelled batch: it counts as cancelled, and only has to be swept away.
  bool is_ghost(const Job& job) const {
    if (ghosts_ == 0 || job.batch == 0) return false;
    const State state = job.get_state();
    if (state != State::ready && state != State::scheduled && state != State::blocked) return false;
    const BatchState* batch = find_batch(job.batch);
    return batch != nullptr && batch->cancelled;
  }
  std::uint64_t ghosts() const { return ghosts_; }
  bool is_unfinished(JobId id) const;
  void note_schedules();             // works out schedules_due
  bool waits(const Job& job) const;  // for others
  void restore_waits(JobId id, const Waits& waits);
  // Unique claims for a time that is over. Not a change: time ends them again after a restart.
  void expire_claims(Wall now);
  void restore_claim(std::uint64_t scope, std::string_view name, const Claim& claim);
  // A job whose time has come, and which is not held back by that any more. Not a change: time tells it again
  // after a restart.
  void ripen(Slot slot, Fallout& fallout);
  // When a scheduled, parked or blocked job may run; Wall{}: at once.
  Wall due_of(const Job& job) const;
  // Lanes: how the ready jobs of a line are arranged, which is not durable either. A lane is there while it
  // has jobs.
  std::uint32_t find_lane(std::uint32_t line, std::uint32_t key) const;  // 0: none
  // Moves a ready job from its line to the lane of its key (0: of those without), by the order of the queue.
  std::uint32_t move_to_lane(Slot slot, std::uint32_t key);
  void set_open(std::uint32_t lane, bool open);
  bool offers(const Line& line) const { return line.head != no_slot || line.open != 0; }
  // Gates that woke a lane which is gone.
  std::vector<std::uint32_t> lost_wakes;
  // Queues that had nothing ready and have something, or the other way round, since somebody cleared this.
  std::vector<std::uint32_t> turned;
  // After restore_job of all.
  void sort_lines();

  // Sessions and answers that nobody will ask for. Not a change: they expire again after a restart.
  void forget_session(SessionId session);
  // Nor this: what is older, or more than the queue may keep.
  void trim_history(QueueState& queue, Wall before);
  void forget_nodes(Wall now, Duration age);
  std::vector<SessionId> idle_holders() const;
  // Makes an idle Spec the last to be given up.
  void touch_spec(SpecId id) {
    use_spec(id, 1);
    release_spec(id);
  }

  // For the snapshot (restore.cpp).
  void restore_spec(Spec spec, std::uint64_t idle);
  bool restore_queue(QueueState&& queue);
  bool restore_batch(BatchState&& batch);
  void link_batches();  // after restore_batch of all
  bool restore_job(const Job& saved, State state, std::uint32_t queue, std::int64_t priority,
                   SessionId held_by, Wall due);
  void restore_history(std::uint32_t queue, const History::Run& run,
                       std::unique_ptr<History::Details> details);
  std::uint64_t stamp() const { return stamp_; }
  void set_stamp(std::uint64_t stamp) { stamp_ = stamp; }

  Slot find(JobId id) const { return index.find(id); }
  Job* job(JobId id) {
    const Slot slot = index.find(id);
    return slot == no_slot ? nullptr : &jobs[slot];
  }
  const Job* job(JobId id) const { return const_cast<Ledger*>(this)->job(id); }
  const Extra* extra(const Job& job) const { return job.extra == no_slot ? nullptr : &extras[job.extra]; }
  const Rare* rare(const Job& job) const {
    const Extra* some = extra(job);
    return some == nullptr || some->rare == no_slot ? nullptr : &rares[some->rare];
  }
  Rare* rare(const Job& job) { return const_cast<Rare*>(std::as_const(*this).rare(job)); }
  Extra& need_extra(Job& job);
  Rare& need_rare(Job& job);
  QueueState& queue_of(const Job& job) { return queues[lines[job.line].queue]; }
  const QueueState& queue_of(const Job& job) const { return queues[lines[job.line].queue]; }
  std::uint32_t find_queue(std::string_view name) const;  // 0: none
  BatchState* find_batch(BatchId id);
  const BatchState* find_batch(BatchId id) const { return const_cast<Ledger*>(this)->find_batch(id); }
  Holder& holder(SessionId session, std::uint32_t& number);
  // Calls `see` with each live job.
  template <typename F>
  void for_each(F&& see) const {
    for (Slot slot = 0; slot < jobs.end(); ++slot) {
      if (jobs[slot].id != 0) see(slot, jobs[slot]);
    }
  }
  // None: it has not ended, or was forgotten.
  std::optional<History::Run> find_finished(JobId id, std::uint32_t& queue) const;
  std::size_t history_bytes() const { return history_bytes_; }
  std::size_t memory_bytes() const;

  // Read by everybody, written only by evolve.
  Slab<Job> jobs;
  JobIndex index;
  Slab<Extra> extras;
  Slab<Rare> rares;
  std::deque<QueueState> queues;  // by id, from 1
  bool any_defaults = false;      // some queue has, or had, default options
  std::vector<Line> lines;
  std::deque<SpecState> specs;
  std::unordered_map<BatchId, BatchState> batches;
  std::deque<Holder> holders;
  BySession<std::uint32_t> holder_of;
  BySession<SessionLog> logs;
  std::map<JobId, ParkedGroup> parked;  // by first job
  FinishedRing finished;
  Interner handlers;
  Interner keys;
  Claims claims;
  Dependents dependents;
  std::set<JobId> dead;                 // the dead letters
  std::map<std::string, Limit> limits;  // set at run time
  std::unordered_map<std::string, change::HoldKey> held_nodes;
  std::map<std::string, ScheduleState> schedules;
  std::uint32_t next_schedule = 1;  // number
  Wall schedules_due = never_wall;  // the next of those that are not paused
  Counts totals;
  std::uint32_t epoch = 0;
  JobId next_job = 1;
  BatchId next_batch = 1;
  std::map<std::uint64_t, SpecId> idle_specs;  // oldest first

 private:
  bool on(const change::Epoch& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Queue& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::DefineSpec& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::OpenBatch& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Put& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Admit& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Answer& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Start& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Finish& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Requeue& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Bury& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Revive& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Drop& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Move& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Cancelling& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Update& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Transfer& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::CloseBatch& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::CancelBatch& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::SetLimit& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::HoldKey& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::PurgeHistory& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::SetSchedule& change, Fallout& fallout, std::uint64_t position);
  bool on(const change::Fired& change, Fallout& fallout, std::uint64_t position);

  std::uint32_t line_for(std::uint32_t queue, std::uint32_t handler, std::int64_t priority);
  void enqueue(Slot slot, bool front);  // into its line, as ready
  void append(Slot slot, std::uint32_t order);
  std::uint32_t new_line(const Line& line);
  void leave_lane(Slot slot);
  void close_line(const Line& line);  // offers nothing
  bool keeps_place(const Job& job) const;
  void let_go(const Job& job, bool runs_again, bool died, Fallout& fallout);
  void detach(Slot slot);  // out of whatever list its state keeps it in
  void hold(Slot slot, std::uint32_t holder);
  void park(Slot slot);
  void schedule(Slot slot, Wall due, Fallout& fallout);
  void set_due(Job& job, Wall due, Fallout& fallout);
  void set_out(Slot slot, Fallout& fallout);
  bool note_names(const Columns& columns);
  void put_columns(Job& job, const change::Put& put, std::size_t i, Fallout& fallout);
  void count_out(const Job& job, Fallout& fallout);
  void count_in(const Job& job, State state, std::uint64_t number = 1);
  void turn(QueueState& queue);
  void count_outcome(const Job& job, Outcome outcome, Fallout& fallout);
  static std::uint64_t* share(BatchState& batch, std::uint32_t queue, State state);
  void begin(BatchState& batch);
  void forget_batch(BatchId id);
  void settled(BatchState& batch, Fallout& fallout);  // if finished: tells it; may be forgotten in time
  void lay(const Job& ghost, Fallout& fallout);
  void wait_for(Job& job, const Columns& columns, std::size_t i, Fallout& fallout);
  bool ended(const Waits::For& first) const;
  bool ended_well(const Waits::For& first) const;
  void resolve(bool is_batch, std::uint64_t id, bool good, Fallout& fallout);
  void unblock(Slot slot, Fallout& fallout);
  void tell(const Job& job, Outcome outcome, const Failure* failure, Fallout& fallout);
  void remember(const Job& job, Outcome outcome, Wall at, const std::string& why, Fallout& fallout);
  std::unique_ptr<History::Details> details_of(const Job& job, Outcome outcome, const std::string& why);
  void add_history(QueueState& queue, const History::Run& run, std::unique_ptr<History::Details> details,
                   Fallout& fallout);
  void crowd_out();
  void forget(Slot slot, Fallout& fallout);
  void release_line(std::uint32_t line);
  void relabel(Job& job, std::uint32_t queue, std::int64_t priority);
  void claim(Job& job, std::string_view name, Wall at);
  void free_claim(Job& job);
  void use_spec(SpecId spec, std::uint64_t jobs);
  void release_spec(SpecId spec);

  struct LineKey {
    std::uint32_t queue;
    std::uint32_t handler;
    std::int64_t priority;
    bool operator==(const LineKey&) const = default;
  };
  struct LineHash {
    std::size_t operator()(const LineKey& key) const {
      return (std::uint64_t{key.queue} << 32U ^ key.handler ^
              static_cast<std::uint64_t>(key.priority) << 17U) *
             0x9e37'79b9'7f4a'7c15ULL;
    }
  };
  std::size_t batches_kept_;
  std::size_t history_bytes_most_;
  std::size_t history_bytes_ = 0;
  std::size_t crowd_hand_ = 0;
  std::unordered_map<LineKey, std::uint32_t, LineHash> line_by_key_;
  std::unordered_map<std::uint64_t, std::uint32_t> lane_by_key_;  // line << 32 | key
  std::vector<std::uint32_t> unsorted_;
  std::vector<std::uint32_t> key_hashes_;  // of the Put under way
  std::vector<std::uint32_t> free_lines_;
  std::vector<std::uint32_t> free_holders_;
  NameIndex queue_index_;
  std::map<std::uint64_t, BatchId> settled_;  // batches without anything unfinished, oldest first
  std::uint64_t stamp_ = 0;
  std::uint64_t ghosts_ = 0;  // of all batches
  BatchState* recent_batch_ = nullptr;
};

// A counter of a state.
std::uint64_t& counter(Counts& counts, State state);
std::uint64_t& counter(Counts& counts, Outcome outcome);

template <typename What>
void BatchState::count(What what, std::int64_t number) {
  counter(counts, what) += static_cast<std::uint64_t>(number);
  for (BatchState* in = outer; in != nullptr; in = in->outer)
    counter(in->inner, what) += static_cast<std::uint64_t>(number);
}

}  // namespace joinery::broker
