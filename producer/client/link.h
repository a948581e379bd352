// The connection to the broker of the one thread that runs the conversation: the socket, and the descriptor
// by which other threads wake it. Another thread may stand in for it for a while, and waits for the socket
// then.
//
// Threads: one at a time; wake(), recall(), sleep_until() and wait_as_stand_in() for all.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/time.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/messages.h"
#include "shared/transport/transport.h"

namespace joinery::client {

class Link {
 public:
  // Connects. Throws ClientError (invalid_argument) if the endpoint is none.
  explicit Link(std::string endpoint);

  // A new socket, so that nothing comes that was meant for the last one.
  void open();
  bool receive(Buffer& frame) { return dealer_->receive(frame); }
  transport::Sent send(Bytes frame) { return dealer_->send(frame); }
  // Connections made (+1) and lost (-1) since the last call. Valid until the next one.
  const std::vector<int>& changes();
  // Until there is something to receive, a change, a wake() or the deadline. Sending can take the socket's
  // signal away: call changes(), and receive until it says no, before.
  void sleep_until(Mono deadline);
  void wake() const;
  // From now on sleep_until() waits for a wake() and the deadline alone: somebody else waits for the socket,
  // ...
  void stand_in(bool begins);
  // ... here, until there is something to receive, a change, a recall() or the deadline.
  void wait_as_stand_in(Mono deadline) const;
  void recall() const;
  // Returns when what was sent last, a goodbye say, has left, or 200 ms later. Nothing may be called
  // afterwards but wake().
  void close();

 private:
  void watch_dealer();
  void watch(int operation) const;

  const std::string endpoint_;
  std::optional<transport::Context> context_{std::in_place};
  std::unique_ptr<transport::Dealer> dealer_;
  unique_fd wakeup_;
  unique_fd recall_;
  unique_fd poll_;  // what sleep_until() waits for
  std::vector<int> watched_;
  bool stood_in_ = false;
  std::vector<int> changes_;
};

// A new session of this program. `name` empty: the program's own.
protocol::Hello new_hello(protocol::Role role, const std::string& name);

// A thread that takes no signals: they are for the program's own threads.
std::thread quiet_thread(std::function<void()> run);

}  // namespace joinery::client
