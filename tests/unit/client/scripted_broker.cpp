#include "scripted_broker.h"

#include <poll.h>

#include "shared/protocol/codec.h"

namespace joinery::testing {

void ScriptedBroker::start() {
  router_ = std::make_unique<transport::Router>(context_, transport::Router::Options{});
  // The old socket's file goes a moment after the socket.
  const Mono end = read_clocks().mono + std::chrono::seconds(10);
  while (true) {
    const auto bound = router_->bind(endpoint_);
    if (bound) return;
    if (read_clocks().mono > end) throw std::runtime_error(bound.error().message);
  }
}

bool ScriptedBroker::receive(protocol::Message& message, bool heartbeats, Mono until) {
  Buffer frame;
  transport::ConnectionNumber connection = 0;
  while (true) {
    while (router_->receive(peer_, frame, connection)) {
      auto decoded = protocol::decode(frames_.emplace_back(std::move(frame)));
      if (!decoded) throw std::runtime_error(decoded.error().message);
      if (std::holds_alternative<protocol::Heartbeat>(*decoded) && !heartbeats) continue;
      message = std::move(*decoded);
      return true;
    }
    std::vector<transport::ConnectionNumber> lost;
    router_->lost(lost);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().mono).count();
    if (left <= 0) return false;
    std::vector<pollfd> waits;
    for (int descriptor : router_->descriptors()) waits.push_back({descriptor, POLLIN, 0});
    ::poll(waits.data(), waits.size(), static_cast<int>(left));
  }
}

protocol::Message ScriptedBroker::next_message(bool heartbeats) {
  protocol::Message message;
  if (!receive(message, heartbeats, read_clocks().mono + std::chrono::seconds(10))) {
    throw std::runtime_error("the client sent nothing for ten seconds");
  }
  return message;
}

bool ScriptedBroker::quiet(std::chrono::milliseconds while_ms) {
  protocol::Message message;
  return !receive(message, false, read_clocks().mono + while_ms);
}

void ScriptedBroker::send(const protocol::Message& message) {
  Buffer frame;
  protocol::encode(message, frame);
  if (router_->send(peer_, frame) != transport::Sent::yes) throw std::runtime_error("the client is gone");
}

protocol::Hello ScriptedBroker::welcome(protocol::Welcome answer) {
  auto hello = next<protocol::Hello>();
  send(answer);
  return hello;
}

void ScriptedBroker::accept(const protocol::Submit& submit) {
  protocol::Accepted accepted;
  accepted.sequence = submit.sequence;
  for (const Group& group : submit.groups) {
    const auto count = static_cast<std::uint32_t>(group.payloads.size());
    accepted.groups.push_back({last_job_ + 1, count, Durability::sync, false, {}});
    last_job_ += count;
  }
  send(accepted);
}

}  // namespace joinery::testing
