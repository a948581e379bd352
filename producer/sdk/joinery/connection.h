// joinery::Pipe and joinery::Connection: multiprocessing's, between processes of a host and between hosts.
//
//   auto [here, there] = joinery::Pipe();              // duplex; Pipe(false): receive here, send there
//   joinery::Process child(program, work.bind(there));
//   child.start();
//   there.close();                                     // the child has its own: else no EOFError comes
//   here.send(std::string("hello"));
//   int length = here.recv<int>();                     // EOFError: the other end is closed
//
//   joinery::Listener listener("tcp://0.0.0.0:7000");  // on one host
//   auto peer = listener.accept();
//   auto peer = joinery::connect("tcp://box:7000");    // on another
//
// Messages are whole: C++ values through msgpack, or bytes. On the wire each is preceded by its length, as
// Python's multiprocessing.connection does it, so that send_bytes and recv_bytes talk to a Python program
// (without authkey). A listener believes whoever connects: let it listen on addresses that only friends
// reach.
//
// Threads: one may send while another receives; else one at a time. Errors: EOFError, BrokenPipe, OSError;
// ValueError for a closed connection, or one that does not go in that direction.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "joinery/answer.h"
#include "joinery/errors.h"
#include "joinery/message.h"
#include "joinery/passing.h"
#include "shared/base/unique_fd.h"

namespace joinery {

class Connection {
 public:
  enum class Direction : std::uint8_t { both, receive, send };

  Connection() = default;  // closed
  // Takes over a connected stream socket.
  explicit Connection(unique_fd socket, Direction direction = Direction::both)
      : socket_(std::move(socket)), direction_(direction) {}

  template <typename T>
  void send(const T& value) {
    Buffer bytes;
    sdk::pack_message(value, bytes);
    send_bytes(bytes);
  }
  // Throws TypeError, which says what came; the message is gone then.
  template <typename T>
  T recv() {
    return sdk::unpack_message<T>(recv_bytes());
  }

  void send_bytes(Bytes message);
  // Throws OSError (EMSGSIZE) if the message is longer than `maximum`; the connection is closed then, as the
  // rest of the message cannot be told from the next one.
  Buffer recv_bytes(std::optional<std::size_t> maximum = {});
  // Returns its length. Throws BufferTooShort.
  std::size_t recv_bytes_into(std::span<char> buffer, std::size_t offset = 0);

  // Whether a recv() would find something, or the end. nullopt: waits for ever; zero and less: not at all.
  bool poll(Timeout timeout = std::chrono::milliseconds(0)) const;

  // For poll(2) and joinery::wait. Throws ValueError if it is closed.
  int fileno() const;
  bool readable() const { return direction_ != Direction::send; }
  bool writable() const { return direction_ != Direction::receive; }
  bool closed() const { return !socket_; }
  void close() { socket_.reset(); }
  Direction direction() const { return direction_; }

 private:
  std::uint64_t receive_length();
  void receive(char* to, std::size_t size, bool first);

  unique_fd socket_;
  Direction direction_ = Direction::both;
};

// Both ends. One-way: the first receives, the second sends.
std::pair<Connection, Connection> Pipe(bool duplex = true);

// Addresses: "tcp://HOST:PORT" (port 0: one that is free), "unix:///PATH".
class Listener {
 public:
  explicit Listener(const std::string& address = "tcp://127.0.0.1:0", int backlog = 128);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Throws TimeoutError, ValueError (closed).
  Connection accept(Timeout timeout = {});
  // With the port that it really has.
  const std::string& address() const { return address_; }
  // Of whom accept() returned last.
  const std::string& last_accepted() const { return last_accepted_; }
  int fileno() const { return socket_.get(); }
  void close();

 private:
  unique_fd socket_;
  std::string address_;
  std::string path_;  // of a unix socket: removed at the end
  std::string last_accepted_;
};

// Python's multiprocessing.connection.Client. Throws OSError, TimeoutError.
Connection connect(const std::string& address, Timeout timeout = std::chrono::seconds(10));

// Those of the descriptors (Connection::fileno, Listener::fileno, Process::sentinel) that are ready to be
// read, or have ended; empty: none was in time. Throws OSError (EBADF) for one that is not open.
std::vector<int> wait(const std::vector<int>& descriptors, Timeout timeout = {});

}  // namespace joinery

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  // As an argument of a Process: [index of the descriptor, direction].
  template <>
  struct pack<joinery::Connection> {
    template <typename Stream>
    msgpack::packer<Stream>& operator()(msgpack::packer<Stream>& out, const joinery::Connection& it) const {
      const std::size_t index = joinery::sdk::pass_descriptor(it.fileno());
      return out.pack(std::pair(index, static_cast<unsigned>(it.direction())));
    }
  };
  template <>
  struct as<joinery::Connection> {
    joinery::Connection operator()(const msgpack::object& object) const {
      const auto [index, direction] = object.as<std::pair<std::size_t, unsigned>>();
      return joinery::Connection(joinery::sdk::take_descriptor(index),
                                 static_cast<joinery::Connection::Direction>(direction));
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack
