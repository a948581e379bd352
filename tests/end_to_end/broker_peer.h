// A client or worker as the broker sees it: a raw Dealer and the codec, so that a test says each frame
// itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "shared/protocol/codec.h"
#include "shared/protocol/value.h"
#include "shared/transport/transport.h"

namespace joinery::testing {

class BrokerPeer {
 public:
  // Connects, and waits until it is.
  explicit BrokerPeer(const std::string& endpoint);

  void send(const protocol::Message& message);
  void send_raw(Bytes frame);
  // The next message that is no heartbeat. Throws after a limit that only a failure reaches.
  protocol::Message next();
  // The same, which must be a T.
  template <typename T>
  T expect() {
    const protocol::Message message = next();
    if (const T* wanted = std::get_if<T>(&message)) return *wanted;
    throw_unexpected(message);
  }

  protocol::Welcome hello(const protocol::Hello& hello);
  protocol::Welcome hello(SessionId session, protocol::Role role = protocol::Role::producer);
  // A worker of these queues that can run everything.
  protocol::Welcome hello_worker(SessionId session, std::vector<std::string> queues = {"default"},
                                 std::uint32_t capacity = 100, std::vector<Token> held = {});
  protocol::Accepted submit(std::uint64_t sequence, const std::vector<std::string>& payloads,
                            const std::string& queue = "default");
  void finish(std::uint64_t sequence, const protocol::DispatchGroup& group);
  // The result, or what the error says.
  Result<protocol::Value> request(std::uint64_t sequence, const std::string& verb,
                                  const protocol::Value& arguments = protocol::Value::map());

 private:
  [[noreturn]] static void throw_unexpected(const protocol::Message& message);
  void wait();

  transport::Context context_;
  transport::Dealer dealer_;
  Buffer frame_;  // of the last message, whose views point into it
};

// The groups of a submission of these payloads; they are viewed.
std::vector<Group> group_of(const std::vector<std::string>& payloads, const std::string& queue = "default",
                            const std::string& handler = "work");
std::vector<Group> group_of(std::vector<std::string>&& payloads, const std::string& queue = "default",
                            const std::string& handler = "work") = delete;

}  // namespace joinery::testing
