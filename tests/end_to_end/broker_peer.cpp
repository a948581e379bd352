#include "broker_peer.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <stdexcept>

namespace joinery::testing {

namespace {

constexpr int limit_ms = 60'000;  // only a failure reaches it

}  // namespace

BrokerPeer::BrokerPeer(const std::string& endpoint) : dealer_(context_, {}) {
  if (Result<> connected = dealer_.connect(endpoint); !connected)
    throw std::runtime_error(connected.error().message);
  std::vector<int> changes;
  while (true) {
    dealer_.changes(changes);
    if (std::ranges::find(changes, +1) != changes.end()) return;
    wait();
  }
}

void BrokerPeer::wait() {
  std::vector<pollfd> waits;
  for (const int fd : dealer_.descriptors()) waits.push_back({fd, POLLIN, 0});
  if (::poll(waits.data(), waits.size(), limit_ms) == 0) throw std::runtime_error("the broker said nothing");
}

void BrokerPeer::send(const protocol::Message& message) {
  Buffer frame;
  protocol::encode(message, frame);
  send_raw(frame);
}

void BrokerPeer::send_raw(Bytes frame) {
  if (dealer_.send(frame) != transport::Sent::yes) throw std::runtime_error("the frame could not be sent");
}

protocol::Message BrokerPeer::next() {
  while (true) {
    while (!dealer_.receive(frame_)) wait();
    Result<protocol::Message> message = protocol::decode(frame_);
    if (!message) throw std::runtime_error("the broker sent garbage: " + message.error().message);
    if (!std::holds_alternative<protocol::Heartbeat>(*message)) return std::move(*message);
  }
}

void BrokerPeer::throw_unexpected(const protocol::Message& message) {
  if (const auto* error = std::get_if<protocol::ErrorMessage>(&message)) {
    throw std::runtime_error(
        fmt::format("the broker refused: {} {}", word(error->error.code), error->error.message));
  }
  throw std::runtime_error(
      fmt::format("the broker sent another message, number {} of the list", message.index()));
}

protocol::Welcome BrokerPeer::hello(const protocol::Hello& hello) {
  send(hello);
  return expect<protocol::Welcome>();
}

protocol::Welcome BrokerPeer::hello(SessionId session, protocol::Role role) {
  protocol::Hello hello;
  hello.session = session;
  hello.role = role;
  hello.name = "test";
  return this->hello(hello);
}

protocol::Welcome BrokerPeer::hello_worker(SessionId session, std::vector<std::string> queues,
                                           std::uint32_t capacity, std::vector<Token> held) {
  protocol::Hello hello;
  hello.role = protocol::Role::worker;
  hello.session = session;
  hello.name = fmt::format("worker-{}", session.low);
  hello.processes = 1;
  hello.capacity = capacity;
  hello.queues = std::move(queues);
  hello.handlers = {"*"};
  hello.held = std::move(held);
  return this->hello(hello);
}

protocol::Accepted BrokerPeer::submit(std::uint64_t sequence, const std::vector<std::string>& payloads,
                                      const std::string& queue) {
  protocol::Submit submit;
  submit.sequence = sequence;
  submit.groups = group_of(payloads, queue);
  send(submit);
  return expect<protocol::Accepted>();
}

void BrokerPeer::finish(std::uint64_t sequence, const protocol::DispatchGroup& group) {
  protocol::Finish finish;
  finish.sequence = sequence;
  for (const protocol::DispatchedJob& job : group.jobs) {
    finish.succeeded.push_back({job.job, 1, job.attempt, group.epoch});
  }
  send(finish);
}

Result<protocol::Value> BrokerPeer::request(std::uint64_t sequence, const std::string& verb,
                                            const protocol::Value& arguments) {
  const Buffer raw = protocol::encode(arguments);
  send(protocol::Request{.sequence = sequence, .confirmed = 0, .verb = verb, .arguments = raw});
  const protocol::Message message = next();
  if (const auto* error = std::get_if<protocol::ErrorMessage>(&message)) return std::unexpected(error->error);
  const auto* reply = std::get_if<protocol::Reply>(&message);
  if (reply == nullptr) throw_unexpected(message);
  return protocol::decode_map(reply->result);
}

std::vector<Group> group_of(const std::vector<std::string>& payloads, const std::string& queue,
                            const std::string& handler) {
  Group group;
  group.queue = queue;
  group.spec.handler = handler;
  group.payloads.assign(payloads.begin(), payloads.end());
  return {group};
}

}  // namespace joinery::testing
