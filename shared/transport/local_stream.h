// One connection of a unix socket that speaks ZeroMQ's protocol, driven by whoever owns it: no thread stands
// between the two programs.
#pragma once

#include <deque>
#include <span>

#include "shared/base/unique_fd.h"
#include "shared/transport/transport.h"
#include "shared/transport/zmtp.h"

namespace joinery::transport {

class LocalStream {
 public:
  // `socket`: connected, and does not block. Sends the opening.
  // `shared`: as of ZmtpReader.
  LocalStream(unique_fd socket, ZmtpRole role, std::size_t frame_max, std::span<char> shared = {});

  enum class Got : std::uint8_t { frame, nothing, lost };
  // Got::nothing: for now, or what came since the last read is left to the descriptor to tell.
  // `frame` is valid until the next call.
  Got receive(Bytes& frame);
  // Before another one is read.
  void leave() { reader_.keep(); }
  // Sent::full: so many frames (0: any number) wait already. Once gone it is gone for good; what the other
  // end sent before can still be received.
  Sent send(Bytes frame, int queue_max);
  // Sends what waits, as far as it goes now.
  void flush();
  void flush_until(Mono limit);  // waits
  bool wants_write() const { return !waiting_.empty(); }
  bool greeted() const { return reader_.greeted(); }
  int descriptor() const { return socket_.get(); }

 private:
  // Bytes taken by the system; less than all: it takes no more, or the other end is gone.
  std::size_t write(Bytes first, Bytes second);
  void keep(Bytes first, Bytes second, std::size_t written);

  unique_fd socket_;
  ZmtpReader reader_;
  std::deque<Buffer> waiting_;
  std::size_t begun_ = 0;  // bytes of the first that are gone
  bool gone_ = false;
  bool drained_ = false;  // the last read got less than there was room for
};

// "ipc://PATH" or "ipc://@NAME", where the second is outside of the file system. Not "ipc://*".
bool is_local(std::string_view endpoint);
// Empty if it has none.
std::string path_of_local(std::string_view endpoint);
// A socket that is connected, or none.
unique_fd connect_local(const std::string& endpoint);
// A socket that listens, or none: errno tells why. A file that is at its path is unlinked.
unique_fd listen_local(const std::string& endpoint);

}  // namespace joinery::transport
