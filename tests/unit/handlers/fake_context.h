// A JobContext without a pool process: remembers what the handler said. Its on_cancel is called by cancel().
#pragma once

#include <atomic>
#include <mutex>

#include "worker/handlers/registry.h"

namespace joinery::handlers {

class FakeContext : public JobContext {
 public:
  JobId id() const override { return 7; }
  Token token() const override { return {7, 2, 1}; }
  BatchId batch() const override { return 5; }
  const std::string& queue() const override { return queue_; }
  const std::string& trace() const override { return trace_; }
  std::optional<Mono> deadline() const override { return deadline_at; }
  bool cancelled() const override {
    return cancelled_ || (deadline_at && read_clocks().mono >= *deadline_at);
  }
  void on_cancel(std::function<void()> call) override {
    const std::lock_guard lock(mutex_);
    call_ = std::move(call);
    if (cancelled_ && call_) call_();
  }
  void progress(double fraction, std::string_view) override { last_progress = fraction; }
  void log(std::string_view, std::string_view) override {}
  void submit(std::string handler, Buffer, std::string) override { submitted.push_back(std::move(handler)); }
  void submit(Group group) override { submitted.push_back(group.spec.handler); }
  void hold(KeyHold hold) override { holds.push_back(std::move(hold)); }

  void cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (call_) call_();
  }

  std::optional<Mono> deadline_at;
  double last_progress = 0;
  std::vector<std::string> submitted;
  std::vector<KeyHold> holds;

 private:
  std::string queue_ = "mail";
  std::string trace_;
  std::mutex mutex_;
  std::function<void()> call_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace joinery::handlers
