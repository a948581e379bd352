// Frames between programs, in ZeroMQ's protocol: by ZeroMQ over tcp, by ourselves over ipc. Copies out at once
// and keeps no message of ZeroMQ's; never blocks in send.
//
// Threads: an object belongs to the thread that uses it; Context is shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery::transport {

class Context {
 public:
  explicit Context(int io_threads = 1);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void* handle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The name of a connection at a Router. Opaque.
using Address = std::string;

// Of a Router: above 0, and not used again.
using ConnectionNumber = std::int64_t;

enum class Sent { yes, full, gone };  // full: the peer's queue is at its limit; gone: no such peer

// The broker's socket.
class Router {
 public:
  struct Options {
    std::size_t frame_max = 24U << 20U;  // larger frames break their sender's connection
    int queue_max = 1000;                // frames waiting in each direction per peer
  };
  Router(Context& context, Options options);
  ~Router();

  // endpoint: "tcp://*:7733", "ipc:///path". endpoint_taken or invalid_argument otherwise. The bound endpoint
  // (with a real port for :0).
  Result<std::string> bind(const std::string& endpoint);
  // One frame, if there is one. `connection` is what lost() calls the connection it came by. A message of
  // several parts is not of our protocol and is dropped whole.
  bool receive(Address& from, Buffer& frame, ConnectionNumber& connection);
  Sent send(const Address& to, Bytes frame);
  // Connections that broke since the last call, as far as receive() could notice: receive until it says no.
  void lost(std::vector<ConnectionNumber>& connections);
  // Another descriptor that wait() waits for. It stays the same file until the end.
  void also_wait_for(int descriptor);
  // Until there is something for receive() or lost(), one of the others is readable, or `limit` is over (max:
  // for ever). ZeroMQ's descriptors are edge-triggered: call lost(), and receive until it says no, before
  // waiting again. `others` gets those that are readable.
  void wait(Duration limit, std::vector<int>& others);
  // For those who wait for more than that: readable when wait() would return.
  std::vector<int> descriptors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A client's or worker's socket. Reconnects by itself, with jitter; reconnected() tells, so that the owner
// says hello again.
class Dealer {
 public:
  struct Options {
    int queue_max = 1000;
    Duration reconnect_first{50'000};
    Duration reconnect_max{2'000'000};
  };
  Dealer(Context& context, Options options);
  // What was sent last, a goodbye say, still has 200 ms to leave, which this or the Context's destructor waits
  // for.
  ~Dealer();

  Result<> connect(const std::string& endpoint);
  bool receive(Buffer& frame);
  Sent send(Bytes frame);
  // Connections made and lost since the last call: +1 connected, -1 lost, in order. What was not sent yet
  // when a connection is lost is gone. Send only after a +1: before it is Sent::gone.
  void changes(std::vector<int>& events);
  // Wait until one of them is readable. ZeroMQ's are edge-triggered: call changes(), and receive until it
  // says no, before waiting again; then ask for them anew if there was a change. One that is left out after a
  // change is not closed before the next.
  std::vector<int> descriptors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::transport
