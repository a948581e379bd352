// A journal that tells the model of each record before it goes on to the real one.
#pragma once

#include <functional>
#include <memory>

#include "tests/simulation/model.h"

namespace joinery::simulation {

class WatchedJournal : public broker::Journal {
 public:
  WatchedJournal(std::unique_ptr<broker::Journal> real, std::function<void(Decided)> tell)
      : real_(std::move(real)), tell_(std::move(tell)) {}

  broker::Appended append(std::span<const broker::Change> changes,
                          std::span<const std::span<const Bytes>> payloads) override;
  void commit(bool sync) override { real_->commit(sync); }
  broker::Position durable() const override { return real_->durable(); }
  int descriptor() const override { return real_->descriptor(); }
  broker::Position end() const override { return real_->end(); }
  Result<> read(broker::Place place, Buffer& out) override { return real_->read(place, out); }
  void release(broker::Place place) override { real_->release(place); }
  void retain(broker::Place place) override { real_->retain(place); }
  bool has_room(std::uint64_t bytes, std::uint64_t unfinished) override {
    return real_->has_room(bytes, unfinished);
  }
  bool wants_checkpoint() const override { return real_->wants_checkpoint(); }
  void checkpoint(const std::function<void(const std::function<void(Bytes)>&)>& save) override {
    real_->checkpoint(save);
  }
  std::vector<Candidate> to_move(std::size_t most, bool busy) override { return real_->to_move(most, busy); }
  Stats stats() const override { return real_->stats(); }

 private:
  std::unique_ptr<broker::Journal> real_;
  std::function<void(Decided)> tell_;
};

}  // namespace joinery::simulation
