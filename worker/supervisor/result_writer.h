// Writes results to Redis before their finishes go to the broker. While Redis is away they wait here, in
// order; without a Redis at all they pass.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shared/results/results.h"
#include "worker/supervisor/broker_link.h"

namespace joinery::worker {

class ResultWriter {
 public:
  // A report and the result that has to be stored first.
  struct Item {
    OwnedReport report;
    results::Write write;
  };
  // `done` is given each report once its result is stored, or refused because a later attempt's is there (the
  // broker will refuse the report too).
  explicit ResultWriter(std::function<void(OwnedReport)> done) : done_(std::move(done)) {}

  // From each welcome. An empty or impossible url: no Redis.
  void use(const std::string& url, SessionId broker);
  void write(Item item);
  static constexpr std::size_t bytes_most = 64U << 20U;
  // Of a delivery whose process died: whoever waits for its locks gets them now. Tried again until Redis has
  // answered; asked before the results and reports that follow.
  void release_locks(const Token& token);
  std::size_t waiting() const { return waiting_.size() + under_way_; }
  // Results of so many bytes wait that no more jobs should be taken. What is held already may still add to
  // them.
  bool full() const { return bytes_ >= bytes_most; }
  void held_tokens(std::vector<Token>& out) const;

  // `readable`: whether the descriptor is, or may be.
  void process(Now now, bool readable);
  // Its connection, for others of the loop; null: there is no Redis. Another one after use().
  redis::Pipeline* redis() { return redis_.get(); }
  SessionId broker() const { return broker_; }
  int descriptor() const { return redis_ ? redis_->descriptor() : -1; }
  std::uint64_t opened() const { return opened_before_ + (redis_ ? redis_->opened() : 0); }
  bool wants_write() const { return redis_ && redis_->wants_write(); }
  Mono next_deadline() const;

 private:
  // As results::write takes them; a report is taken out when its write has ended.
  struct Batch {
    std::vector<results::Write> writes;
    std::vector<OwnedReport> reports;
  };
  void ended(Batch& batch, std::size_t index, bool stored);
  void complain(const Error& error);
  void take_back();
  void send(Now now);
  void pass_all();

  std::function<void(OwnedReport)> done_;
  std::string url_;
  SessionId broker_;
  std::unique_ptr<redis::Pipeline> redis_;
  std::uint64_t opened_before_ = 0;  // by those before it
  bool known_ = false;               // a welcome said where Redis is
  std::deque<Item> waiting_;
  std::vector<std::shared_ptr<Batch>> batches_;  // under way
  std::size_t under_way_ = 0;
  std::size_t bytes_ = 0;  // of the results that wait or are under way
  bool failed_ = false;
  bool troubled_ = false;  // it was said that results wait
  Mono retry_at_{};
};

}  // namespace joinery::worker
