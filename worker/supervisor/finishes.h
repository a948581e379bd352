// The ends of deliveries on their way to the broker: gathered into few Finish frames, which are kept until
// the broker acknowledges them and sent again on each new connection.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "shared/protocol/messages.h"

namespace joinery::worker {

// A report with what its children's payloads point into.
struct OwnedReport {
  Report report;
  std::shared_ptr<const Buffer> payloads;
};
// Copies the payloads of the children.
OwnedReport own(Report report);

class Finishes {
 public:
  void succeeded(std::span<const Token> tokens);
  // The same with a result for those who watch the job.
  void answered(const Token& token, Bytes result);
  void report(OwnedReport report) { reports_.push_back(std::move(report)); }
  // What has gathered becomes frames; few, and none too large.
  void frame();

  // The next frame for this connection, or null; `sent` goes on to the one after.
  const Buffer* next() const { return all_sent() ? nullptr : &unacked_[sent_].frame; }
  void sent() { ++sent_; }
  bool all_sent() const { return sent_ == unacked_.size(); }
  // On a new connection nothing is sent yet.
  void begin_again() { sent_ = 0; }
  // All frames up to this sequence.
  void acked(std::uint64_t sequence);
  // A frame that the broker will never take. False: it is none of these.
  bool forget(std::uint64_t sequence);

  // Adds the deliveries whose end is in a frame.
  void add_held(std::vector<Token>& out) const;
  // Nothing is unacknowledged, nor gathered.
  bool settled() const { return unacked_.empty() && runs_.empty() && reports_.empty(); }
  // Sequences count all that is answered on the session, finishes and requests.
  std::uint64_t new_sequence() { return ++last_sequence_; }
  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  struct Unacked {
    std::uint64_t sequence = 0;
    Buffer frame;
  };

  void add_to_runs(const Token& token);
  std::size_t take_results(protocol::Finish& finish);
  std::size_t take_reports(protocol::Finish& finish, std::size_t next, std::size_t bytes);

  std::vector<protocol::RunOf> runs_;
  std::vector<OwnedReport> reports_;
  std::uint32_t run_jobs_ = 0;
  std::vector<std::pair<JobId, std::size_t>> results_;  // of the runs; and the sizes of...
  Buffer result_bytes_;                                 // ... these, one after the other
  std::deque<Unacked> unacked_;
  std::size_t sent_ = 0;  // of unacked_, on this connection
  std::uint64_t last_sequence_ = 0;
};

}  // namespace joinery::worker
