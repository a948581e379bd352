#include "broker/core/serving.h"

#include <utility>

#include "broker/core/impl.h"

namespace joinery::broker {

void Serving::add(Session& worker, const Ledger& ledger) {
  worker.queues.clear();
  worker.ready.reset(worker.info.queues.size());
  if (by_queue_.size() < ledger.queues.size()) by_queue_.resize(ledger.queues.size());
  for (const std::string& name : worker.info.queues) {
    const Place place{&worker, static_cast<std::uint32_t>(worker.queues.size())};
    const std::uint32_t queue = ledger.find_queue(name);
    worker.queues.push_back(queue);
    if (queue == 0) {
      wanted_[name].push_back(place);
    } else {
      by_queue_[queue].push_back(place);
      if (ledger.queues[queue].counts.ready != 0) worker.ready.set(place.at);
    }
  }
}

void Serving::remove(Session& worker) {
  for (std::uint32_t at = 0; at < worker.queues.size(); ++at) {
    const Place place{&worker, at};
    if (worker.queues[at] != 0) {
      std::erase(by_queue_[worker.queues[at]], place);
    } else if (const auto wanted = wanted_.find(worker.info.queues[at]); wanted != wanted_.end()) {
      std::erase(wanted->second, place);
      if (wanted->second.empty()) wanted_.erase(wanted);
    }
  }
  worker.queues.clear();
}

void Serving::made(std::uint32_t queue, const std::string& name) {
  const auto wanted = wanted_.find(name);
  if (wanted == wanted_.end()) return;
  for (const Place& place : wanted->second) place.worker->queues[place.at] = queue;
  if (by_queue_.size() <= queue) by_queue_.resize(queue + 1);
  by_queue_[queue] = std::move(wanted->second);
  wanted_.erase(wanted);
}

void Serving::note(Ledger& ledger) {
  for (const std::uint32_t queue : ledger.turned) {
    QueueState& state = ledger.queues[queue];
    state.turned = false;
    for (const Place& place : of(queue)) {
      if (state.counts.ready != 0) {
        place.worker->ready.set(place.at);
      } else {
        place.worker->ready.clear(place.at);
      }
    }
  }
  ledger.turned.clear();
}

}  // namespace joinery::broker
