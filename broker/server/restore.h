// Brings the core to where the journal left it.
#pragma once

#include "broker/core/core.h"
#include "broker/journal/journal.h"

namespace joinery::broker::server {

class Restore : public Recovery {
 public:
  explicit Restore(Core& core) : core_(core) {}

  Result<> checkpoint(Bytes state) override { return core_.load(state); }
  Result<> change(const Change& change, std::uint64_t position) override {
    return core_.replay(change, position);
  }
  void each_payload(const std::function<void(JobId, Place)>& each) const override {
    core_.each_payload(each);
  }
  void opened(const Opened& opened) override { opened_ = opened; }

  const Opened& found() const { return opened_; }
  SessionId id() const;

 private:
  Core& core_;
  Opened opened_;
};

// Tells the journal which payloads are still needed. How many.
std::uint64_t retain_all(const Core& core, Journal& journal);

}  // namespace joinery::broker::server
