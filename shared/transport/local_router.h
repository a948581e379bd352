// The broker's end for peers of the same host: unix sockets on which it speaks ZeroMQ's protocol by itself,
// in the thread that owns it.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>

#include "shared/transport/alarm.h"
#include "shared/transport/local_stream.h"

namespace joinery::transport {

// The data of events that are not of a LocalRouter: | a descriptor.
constexpr std::uint64_t other_event = std::uint64_t{1} << 63U;

class LocalRouter {
 public:
  // `poll`: the epoll that is waited on. `last_connection`: the newest number that was given to a connection.
  LocalRouter(const Router::Options& options, int poll, ConnectionNumber& last_connection);
  ~LocalRouter();

  // REQUIRES: is_local(endpoint), and nobody lives there. False: errno tells why.
  bool bind(const std::string& endpoint);
  // As Router's.
  bool receive(Address& from, Buffer& frame, ConnectionNumber& connection);
  Sent send(const Address& to, Bytes frame);
  void lost(std::vector<ConnectionNumber>& connections);
  // Told of what the epoll said, and that it was asked: `what` is below other_event.
  void happened(std::uint64_t what, std::uint32_t events);
  void looked() { looked_ = true; }
  // Whether it is an address that this one gives.
  static bool ours(const Address& address);

 private:
  struct Connection {
    Connection(unique_fd socket, std::size_t frame_max, std::span<char> shared)
        : stream(std::move(socket), ZmtpRole::router, frame_max, shared) {}
    LocalStream stream;
    Address address;
    ConnectionNumber number = 0;
    Mono greet_until{};
    bool watched_for_write = false;
    bool queued = false;  // in readable_
  };

  static constexpr std::size_t shared_bytes = 64U << 10U;

  void look();
  void accept(int listener);
  void settle(Connection& connection);
  void close(Connection& connection);
  void close_silent();

  const Router::Options options_;
  ConnectionNumber& last_connection_;
  const int poll_;
  Alarm alarm_;  // when to look at those that do not greet, and to accept again
  std::vector<std::pair<unique_fd, std::string>> listeners_;  // with their paths
  std::vector<int> paused_;                                   // listeners, while there are no descriptors
  std::unordered_map<ConnectionNumber, std::unique_ptr<Connection>> connections_;
  std::vector<char> shared_ = std::vector<char>(shared_bytes);  // what the first of readable_ is read into
  std::deque<ConnectionNumber> readable_;  // those that may have frames, in the order of their turns
  std::deque<ConnectionNumber> greeting_;  // in the order of their deadlines
  bool looked_ = false;       // since receive() last said no
  unsigned in_a_row_ = 0;     // frames that the first of readable_ has given
  std::vector<ConnectionNumber> lost_;
};

}  // namespace joinery::transport
