// What a task is given that runs outside of a job: in a joinery::Process, or as a pool's initializer.
#pragma once

#include "worker/handlers/registry.h"

namespace joinery::sdk {

class NoJob final : public JobContext {
 public:
  JobId id() const override { return 0; }
  Token token() const override { return {}; }
  BatchId batch() const override { return 0; }
  const std::string& queue() const override { return nothing_; }
  const std::string& trace() const override { return nothing_; }
  std::optional<Mono> deadline() const override { return std::nullopt; }
  bool cancelled() const override { return false; }
  void on_cancel(std::function<void()>) override {}
  void progress(double, std::string_view) override {}
  void log(std::string_view, std::string_view) override {}
  void submit(std::string, Buffer, std::string) override { refuse(); }
  void submit(Group) override { refuse(); }
  void hold(KeyHold) override { throw std::logic_error("a task that is not run as a job holds no key"); }

 private:
  [[noreturn]] static void refuse() {
    throw std::logic_error("a task that is not run as a job has no child jobs");
  }
  std::string nothing_;
};

}  // namespace joinery::sdk
