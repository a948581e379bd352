// The ledger as bytes: what a checkpoint of the journal contains.
//
// Little endian; texts are u32 length and bytes. Format 1:
//   u32 format, u32 epoch, u64 next_job, u64 next_batch, u64 stamp, outcome counts of all
//   u64 n, Specs by id: fields of Spec, u64 idle
//   u64 n, queues by id from 1: name, options, pause, u32 front, u32 back, outcome counts
//   u64 n, batches: id, name, opened_at, u64 settled, outcome counts, parent, u32 nested, spoiled, u64
//   ghosts,
//     u8 flags; with flag 32 outcome counts of the batches in it; u64 n, children
//   u64 n, holders: session
//   u64 n, jobs, of which one entry can stand for many: see write_job; first the ready ones in the order of
//     their lines, then the parked ones in the order of their queues, then the others
//   u64 n, finished: job, attempt, epoch, outcome
//   u64 n, session logs: session, last_sequence, confirmed, u64 n, answers
//   u64 n, unique claims for a time: u64 scope, key, job, until
//   u64 n, limits: pattern, u32 concurrency, rate, burst, weight, u64 period_ms, interval_ms
//   u64 n, held nodes of keys: node, u64 interval_ms, until, at
//   u64 n, names of handlers in histories; u64 n, histories: u32 queue, u64 n, runs: see write_history
//   u32 next number of a schedule, u64 n, schedules: number, and the fields of Schedule and ScheduleState
//   u64 n, watch ranges: first, count, session
// Whatever follows from these (counts by state, lines, parked groups, uses of names) is not written.
//
// To change it: raise the format, keep reading the one before, and add a test that loads a snapshot of it.
#pragma once

#include <map>

#include "broker/core/byte_io.h"
#include "broker/core/ledger.h"

namespace joinery::broker {

// So many jobs at most are written as one.
constexpr std::uint32_t job_run_max = 1024;

class SnapshotWriter {
 public:
  SnapshotWriter(const Ledger& ledger, ByteWriter& out) : ledger_(ledger), out_(out) {}
  void write();

 private:
  void write_outcomes(const Counts& counts);
  void write_spec(const SpecState& state);
  void write_backoff(const Backoff& backoff);
  void write_texts(const std::vector<std::string>& texts);
  void write_defaults(const SpecDefaults& defaults);
  void write_queue(const QueueState& queue);
  Slot write_line(Slot slot);
  void write_job(const Job& job, std::uint32_t more_jobs = 0);
  void write_extra(const Extra& extra);
  void write_failure(const Failure& failure);
  void write_jobs();
  void write_limits();
  void write_history();
  void write_run(const History::Run& run);
  void write_schedules();
  void write_time(Wall time);
  void write_answer(const change::Answer& answer);

  const Ledger& ledger_;
  ByteWriter& out_;
  std::map<SessionId, std::uint32_t> holders_;
  std::map<std::uint32_t, std::uint32_t> handlers_;  // of histories: place in the list of names
};

class SnapshotReader {
 public:
  SnapshotReader(Ledger& ledger, ByteReader& in) : ledger_(ledger), in_(in) {}
  Result<> read();

 private:
  void read_outcomes(Counts& counts);
  void read_spec();
  Backoff read_backoff();
  std::vector<std::string> read_texts();
  void read_defaults(SpecDefaults& defaults);
  void read_queue();
  void read_batch();
  std::uint64_t read_job(std::uint64_t most);
  void read_extra(Job& job, std::uint32_t queue);
  void read_key(Job& job);
  std::string read_name();
  Failure read_failure();
  void read_finished();
  void read_claim();
  void read_log();
  void read_limit();
  void read_held_node();
  void read_history();
  void read_run(std::uint32_t queue);
  void read_schedules();
  Wall read_time();
  change::Answer read_answer();
  Code read_code();

  Ledger& ledger_;
  ByteReader& in_;
  std::vector<SessionId> holders_;
  std::vector<std::uint32_t> handlers_;
};

}  // namespace joinery::broker
