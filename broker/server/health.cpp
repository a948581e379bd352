#include "broker/server/health.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <vector>

#include "shared/base/check.h"
#include "shared/protocol/codec.h"
#include "shared/transport/transport.h"

namespace joinery::broker::server {

namespace {

// "tcp://*:7733" and "tcp://0.0.0.0:7733" are for listening; here it is this host.
std::string reachable(std::string endpoint) {
  for (const std::string_view any : {"tcp://*:", "tcp://0.0.0.0:"}) {
    if (endpoint.starts_with(any)) endpoint.replace(0, any.size(), "tcp://127.0.0.1:");
  }
  return endpoint;
}

void send(transport::Dealer& dealer, const protocol::Message& message) {
  Buffer frame;
  protocol::encode(message, frame);
  dealer.send(frame);
}

void ask(transport::Dealer& dealer) {
  protocol::Hello hello;
  hello.role = protocol::Role::tool;
  hello.name = "joinery-broker --health";
  JOINERY_CHECK(::getrandom(&hello.session, sizeof hello.session, 0) == sizeof hello.session);
  send(dealer, hello);
  const Buffer nothing(1, static_cast<char>(0x80));  // an empty map
  send(dealer, protocol::Request{.sequence = 1, .confirmed = 0, .verb = "status", .arguments = nothing});
}

// Whether this is the answer that is waited for.
Result<bool> is_answer(Bytes frame) {
  const Result<protocol::Message> message = protocol::decode(frame);
  if (!message) return std::unexpected(message.error());
  if (const auto* error = std::get_if<protocol::ErrorMessage>(&*message))
    return std::unexpected(error->error);
  return std::holds_alternative<protocol::Reply>(*message);
}

}  // namespace

Result<> ask_health(const std::string& endpoint, Duration limit) {
  transport::Context context;
  transport::Dealer dealer(context, {});
  const std::string to = reachable(endpoint);
  if (Result<> connected = dealer.connect(to); !connected) return connected;
  const Mono until = read_clocks().mono + limit;
  Buffer frame;
  std::vector<int> changes;
  while (true) {
    dealer.changes(changes);
    if (std::ranges::find(changes, +1) != changes.end()) ask(dealer);
    while (dealer.receive(frame)) {
      const Result<bool> answer = is_answer(frame);
      if (!answer) return std::unexpected(answer.error());
      if (!*answer) continue;
      send(dealer, protocol::Goodbye{"done"});
      return {};
    }
    const Duration left = until - read_clocks().mono;
    if (left <= Duration(0)) break;
    std::vector<pollfd> waits;
    for (const int fd : dealer.descriptors()) waits.push_back({fd, POLLIN, 0});
    ::poll(waits.data(), waits.size(), static_cast<int>(left / std::chrono::milliseconds(1)) + 1);
  }
  return fail(Code::broker_unreachable, fmt::format("no broker answers at {}", to), "endpoint");
}

}  // namespace joinery::broker::server
