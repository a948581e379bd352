// A ZeroMQ socket with its monitor: what Router and Dealer have in common. Private to this folder, so that no
// other sees zmq.h.
#pragma once

#include <zmq.h>

#include <cstdint>
#include <functional>
#include <string>

#include "shared/base/unique_fd.h"
#include "shared/transport/transport.h"

namespace joinery::transport {

// Owns one zmq socket; closes it.
class Socket {
 public:
  Socket(void* context, int type);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void* get() const { return handle_; }
  void set(int option, int value);
  void set(int option, std::int64_t value);
  // The descriptor to wait on.
  int descriptor() const;
  // Something can be received. Also lets the socket do what it owes to its I/O thread.
  bool readable() const;

 private:
  void* handle_;
};

// One message part, used again for each receive.
class Part {
 public:
  Part() { zmq_msg_init(&message_); }
  ~Part() { zmq_msg_close(&message_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // Without waiting. False if there is none.
  bool receive(const Socket& socket);
  bool more() { return zmq_msg_more(&message_) != 0; }
  Bytes bytes() { return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }
  // Descriptor of the connection that it came over; -1 if that is not known.
  int connection() { return zmq_msg_get(&message_, ZMQ_SRCFD); }

 private:
  zmq_msg_t message_;
};

// The events of a socket's connections, in order. It is asked in every turn and has nearly never any, so that
// asking costs one system call and not ZeroMQ's two.
class Monitor {
 public:
  Monitor(void* context, const Socket& watched, int events);
  ~Monitor();
  bool next(int& event, int& value);
  int descriptor() const { return descriptor_; }

 private:
  bool signalled() const;

  const Socket& watched_;
  Socket socket_;
  int descriptor_;       // readable when something has come since it was read to the end
  bool reading_ = true;  // not to the end yet; only then ZeroMQ signals what comes
  Part part_;
};

// A descriptor that stays readable while raised. ZeroMQ's are edge-triggered, and sending can swallow an
// edge: whoever notices that there is something left to receive raises this, so that the owner's poll
// returns.
class Signal {
 public:
  Signal();
  void raise();
  void lower();
  // After a send. To ask the socket costs two system calls, so that after a few sends without a receive
  // between them the signal is raised unasked: the owner looks once in vain at worst.
  void after_send(const Socket& socket) {
    if (!raised_ && (++sends_ > asked_max || socket.readable())) raise();
  }
  int descriptor() const { return fd_.get(); }

 private:
  static constexpr int asked_max = 4;

  unique_fd fd_;
  bool raised_ = false;
  int sends_ = 0;  // since lower()
};

}  // namespace joinery::transport
