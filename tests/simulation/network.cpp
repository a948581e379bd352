#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>

namespace joinery::simulation {

using namespace std::chrono_literals;

Instant Network::arrival(const std::deque<Parcel>& before, Duration least) {
  const Duration most = random_.chance(5) ? delay_max_ * 20 : delay_max_;
  const Instant at = now + random_.between(least, std::max(least, random_.chance(50) ? 300us : most));
  return before.empty() ? at : std::max(at, before.back().at);
}

Instant Network::next_arrival(NodeId node) const {
  Instant next = never;
  for (const auto& [id, connection] : connections_) {
    if (connection.dealer == node && connection.dealer_is_there) {
      if (!connection.told) next = std::min(next, connection.connected_at);
      if (!connection.to_dealer.empty()) next = std::min(next, connection.to_dealer.front().at);
      next = std::min(next, connection.lost_to_dealer);
    }
    if (router_ == node && connection.router_is_there) {
      if (!connection.to_router.empty()) next = std::min(next, connection.to_router.front().at);
      next = std::min(next, connection.lost_to_router);
    }
  }
  return next;
}

// From a random one on.
void Network::lose_some(std::deque<Parcel>& parcels) {
  if (!parcels.empty()) parcels.resize(random_.below(parcels.size() + 1));
}

void Network::tell_soon(Instant& lost) {
  if (lost == never) lost = now + random_.between(100us, 2s);
}

void Network::cut(NodeId node) {
  for (auto& [id, connection] : connections_) {
    if (connection.cut || (connection.dealer != node && router_ != node)) continue;
    connection.cut = true;
    lose_some(connection.to_dealer);
    lose_some(connection.to_router);
    if (!random_.chance(20)) tell_soon(connection.lost_to_dealer);
    if (!random_.chance(20)) tell_soon(connection.lost_to_router);
  }
}

void Network::heal() {
  delay_max_ = 1ms;
  for (auto& [id, connection] : connections_) {
    if (!connection.cut) continue;
    tell_soon(connection.lost_to_dealer);
    tell_soon(connection.lost_to_router);
  }
}

void Network::bind(NodeId router) {
  router_ = router;
  for (auto& [id, connection] : connections_) {
    if (connection.cut || connection.connected_at != never) continue;
    connection.router_is_there = true;
    connection.connected_at = arrival({});
  }
}

void Network::unbind() {
  router_.reset();
  for (auto& [id, connection] : connections_) {
    if (!std::exchange(connection.router_is_there, false)) continue;
    connection.cut = true;
    connection.to_router.clear();
    lose_some(connection.to_dealer);
    tell_soon(connection.lost_to_dealer);
  }
  tidy();
}

int Network::connect(NodeId dealer) {
  const int id = next_++;
  Connection& connection = connections_[id];
  connection.dealer = dealer;
  if (router_) {
    connection.router_is_there = true;
    connection.connected_at = arrival({});
  }
  return id;
}

void Network::leave(int id) {
  Connection& connection = connections_.at(id);
  connection.dealer_is_there = false;
  connection.to_dealer.clear();
  if (random_.chance(30)) lose_some(connection.to_router);
  connection.cut = true;
  tell_soon(connection.lost_to_router);
  tidy();
}

void Network::tidy() {
  std::erase_if(connections_, [](const auto& entry) {
    return !entry.second.dealer_is_there && !entry.second.router_is_there;
  });
}

bool Network::to_router(int id, Bytes frame) {
  Connection& connection = connections_.at(id);
  if (!connection.told || connection.lost_to_dealer <= now) return false;
  if (!connection.cut) connection.to_router.push_back({arrival(connection.to_router), Buffer(frame)});
  return true;
}

std::optional<bool> Network::to_dealer(int id, Bytes frame, std::size_t most) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.router_is_there) return std::nullopt;
  Connection& connection = found->second;
  if (connection.lost_to_router <= now) return std::nullopt;
  if (connection.to_dealer.size() >= most) return false;
  if (given) given(id, frame);
  if (!connection.cut) connection.to_dealer.push_back({arrival(connection.to_dealer), Buffer(frame)});
  return true;
}

bool Network::take_at_router(int& id, Buffer& frame) {
  auto first = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    const Connection& connection = at->second;
    if (!connection.router_is_there || connection.to_router.empty() || connection.to_router.front().at > now)
      continue;
    if (first == connections_.end() || connection.to_router.front().at < first->second.to_router.front().at)
      first = at;
  }
  if (first == connections_.end()) return false;
  id = first->first;
  frame = std::move(first->second.to_router.front().frame);
  first->second.to_router.pop_front();
  if (taken) taken(id, frame);
  return true;
}

bool Network::take_at_dealer(int id, Buffer& frame) {
  Connection& connection = connections_.at(id);
  if (!connection.told || connection.to_dealer.empty() || connection.to_dealer.front().at > now) return false;
  frame = std::move(connection.to_dealer.front().frame);
  connection.to_dealer.pop_front();
  return true;
}

int Network::take_change(int id) {
  Connection& connection = connections_.at(id);
  // One that was lost before its dealer knew of it: it learns of both.
  if (!connection.told && std::min(connection.connected_at, connection.lost_to_dealer) <= now) {
    connection.told = true;
    return 1;
  }
  if (!connection.told || connection.lost_to_dealer > now) return 0;
  if (connection.cut) {
    connection.lost_to_dealer = never;
    connection.to_dealer.clear();
    return -1;
  }
  return 0;
}

bool Network::take_lost(int& id) {
  for (auto& [number, connection] : connections_) {
    if (!connection.router_is_there || connection.lost_to_router > now) continue;
    id = number;
    connection.router_is_there = false;
    tidy();
    return true;
  }
  return false;
}

}  // namespace joinery::simulation
