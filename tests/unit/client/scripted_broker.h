// The broker's end of the wire, played by the test, message by message: a real Router and the real codec, and
// no logic at all. It sends only what the test says, so it does not imitate durability, queues or sessions.
#pragma once

#include <deque>
#include <stdexcept>
#include <string>

#include "shared/protocol/messages.h"
#include "shared/transport/transport.h"
#include "tests/support/temp_dir.h"

namespace joinery::testing {

class ScriptedBroker {
 public:
  ScriptedBroker() { start(); }

  const std::string& endpoint() const { return endpoint_; }
  // Breaks the connection, and listens again at the same place.
  void stop() { router_.reset(); }
  void start();

  // The next message, which must be a T; heartbeats are passed over unless asked for. Throws after ten
  // seconds.
  template <typename T>
  T next() {
    protocol::Message message = next_message(std::is_same_v<T, protocol::Heartbeat>);
    if (T* wanted = std::get_if<T>(&message)) return std::move(*wanted);
    throw std::runtime_error("the client sent message number " + std::to_string(message.index()) +
                             " of the variant, not the one expected");
  }
  void send(const protocol::Message& message);
  // Takes a hello and answers it.
  protocol::Hello welcome(protocol::Welcome answer = {});
  // Takes a submit.
  protocol::Submit submit() { return next<protocol::Submit>(); }
  // Accepts all of it; ids are given one after the other.
  void accept(const protocol::Submit& submit);
  // True if the client sends nothing (but heartbeats) for a while: only for what must not come.
  bool quiet(std::chrono::milliseconds while_ms = std::chrono::milliseconds(50));
  JobId last_job() const { return last_job_; }

 private:
  bool receive(protocol::Message& message, bool heartbeats, Mono until);
  protocol::Message next_message(bool heartbeats);

  TempDir dir_;
  std::string endpoint_ = "ipc://" + (dir_ / "broker");
  transport::Context context_;
  std::unique_ptr<transport::Router> router_;
  transport::Address peer_;
  std::deque<Buffer> frames_;  // what the messages point into
  JobId last_job_ = 0;
};

}  // namespace joinery::testing
