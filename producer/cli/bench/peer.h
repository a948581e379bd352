// A connection to a broker that speaks ZeroMQ's protocol (ZMTP 3.0, mechanism NULL) by itself, on one
// blocking socket and without a thread: ten thousand of libzmq's in one process would cost more than what is
// to be measured.
#pragma once

#include <functional>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/unique_fd.h"
#include "shared/transport/zmtp.h"

namespace joinery::cli::bench {

class Peer {
 public:
  // "ipc://PATH" or "tcp://A.B.C.D:PORT". Connects and introduces itself; waits for nothing. Throws
  // ClientError, as all of it.
  explicit Peer(const std::string& endpoint);
  // Until the other side has introduced itself: before, it takes no frame.
  void wait_ready();

  int descriptor() const { return socket_.get(); }
  void send(Bytes frame);
  // Waits for bytes, and gives each frame that is whole to `take`.
  void receive(const std::function<void(Bytes)>& take);

 private:
  void write(Bytes bytes);

  unique_fd socket_;
  transport::ZmtpReader reader_;
};

}  // namespace joinery::cli::bench
