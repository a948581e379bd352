// Fair queues: whose turn it is (Keys::Flow).
#include "broker/core/keys.h"

namespace joinery::broker {
namespace {

constexpr std::uint64_t turn = 1U << 20U;  // of a flow with weight 1

}  // namespace

std::uint64_t Keys::turn_of(const Line& lane) {
  if (!ledger_.queues[lane.queue].options.fair) return 0;
  Fair& fair = fair_[lane.queue];
  const std::string_view name = outermost(ledger_.keys.name(lane.key));
  auto flow = fair.flows.find(name);
  if (flow == fair.flows.end()) {
    sweep(fair);
    flow = fair.flows.emplace(std::string(name), Flow{fair.now}).first;
    const Limit* limit = name.empty() ? nullptr : resolve(name);
    if (limit != nullptr) flow->second.weight = limit->weight;
  }
  std::uint64_t& last = flow->second.last;
  if (ranks_before(last, fair.now)) last = fair.now;
  return last += turn / flow->second.weight;
}

// Whoever waits takes turns from now on, or does so no more.
void Keys::fair_changed(std::uint32_t queue) {
  for (std::uint32_t number = 1; number < ledger_.lines.size(); ++number) {
    if (ledger_.lines[number].queue == queue && ledger_.lines[number].base == number) offers_.erase(number);
  }
  for (std::uint32_t number = 1; number < ledger_.lines.size(); ++number) {
    Line& lane = ledger_.lines[number];
    if (lane.queue != queue || lane.base == number || lane.head == no_slot) continue;
    lane.rank = turn_of(lane);
    if (lane.open != 0) offer(number);
  }
}

// A flow whose last turn is over is as good as a new one.
void Keys::sweep(Fair& fair) {
  if (fair.flows.size() < 2 * fair.swept + 64) return;
  std::erase_if(fair.flows, [&](const auto& flow) { return !ranks_before(fair.now, flow.second.last); });
  fair.swept = fair.flows.size();
}

}  // namespace joinery::broker
