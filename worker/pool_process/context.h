// What a handler knows of the job it runs, in a pool process. One per thread, used again for each job.
#pragma once

#include <deque>
#include <mutex>

#include "worker/handlers/registry.h"
#include "worker/pool_process/cancellations.h"
#include "worker/pool_process/feed.h"
#include "worker/pool_process/outbox.h"

namespace joinery::pool_process {

class Context final : public JobContext {
 public:
  Context(Outbox& outbox, Cancellations& cancellations) : outbox_(outbox), cancellations_(cancellations) {}

  // The next job. Both must outlive its run.
  void begin(const Batch& batch, const pool::RunJob& job, Mono now);
  // Why the job was or should have been stopped.
  std::optional<Code> stopped() const;
  // Submitted so far; their payloads are valid until the next begin().
  std::vector<Group>& children() { return children_; }

  JobId id() const override { return job_->token.job; }
  Token token() const override { return job_->token; }
  BatchId batch() const override { return job_->batch; }
  const std::string& queue() const override { return batch_->info.queue; }
  const std::string& trace() const override { return batch_->info.trace; }
  std::optional<Mono> deadline() const override;
  bool cancelled() const override { return stopped().has_value(); }
  void on_cancel(std::function<void()> call) override;
  void progress(double fraction, std::string_view text) override;
  void log(std::string_view level, std::string_view text) override;
  void submit(std::string handler, Buffer payload, std::string queue) override;
  void submit(Group group) override;
  void hold(KeyHold hold) override;
  SharedPlace shared_place() const override { return batch_->shared ? *batch_->shared : SharedPlace{}; }

 private:
  Outbox& outbox_;
  Cancellations& cancellations_;
  const Batch* batch_ = nullptr;
  const pool::RunJob* job_ = nullptr;
  Mono started_;
  std::vector<Group> children_;
  bool plain_ = false;           // the last group has only defaults
  std::deque<Buffer> payloads_;  // of the children; a deque, so that views stay valid
};

}  // namespace joinery::pool_process
