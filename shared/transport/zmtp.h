// ZeroMQ's protocol as one end of one connection speaks it (ZMTP 3, without security;
// rfc.zeromq.org/spec/23), for a DEALER and a ROUTER. Bytes in, frames out: knows no sockets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/base/bytes.h"

namespace joinery::transport {

enum class ZmtpRole : std::uint8_t { dealer, router };

// What an end says first: greeting and READY. It need not wait for the other's before it sends messages.
Buffer zmtp_opening(ZmtpRole role);
// What precedes the bytes of a message of one part.
class ZmtpHeader {
 public:
  explicit ZmtpHeader(std::size_t frame_size);
  Bytes bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 9> bytes_;
  std::size_t size_;
};

class ZmtpReader {
 public:
  enum class Next : std::uint8_t {
    message,  // of one part
    ping,     // to be answered by zmtp_pong(what was read)
    more,     // bytes are needed
    broken    // the other end does not speak this protocol, or sends more than it may
  };
  // `shared`: memory for many connections that are read in turn, so that those which are quiet mostly have
  // none of their own; whoever reads another one calls keep() before. Empty: there is none.
  explicit ZmtpReader(std::size_t frame_max, std::span<char> shared = {})
      : frame_max_(frame_max), shared_(shared) {}

  // Where the next bytes are to be written, and how many of them were.
  std::span<char> room();
  void filled(std::size_t bytes);
  // What is not read yet stays, whatever becomes of the shared memory.
  void keep();
  // `what` is valid until room() is called. Messages of several parts are passed over.
  Next next(Bytes& what);
  // It has heard the other's greeting and READY.
  bool greeted() const { return ready_; }

 private:
  enum : std::uint8_t { flag_more = 1, flag_long = 2, flag_command = 4 };

  Next greeting();
  Next command(Bytes body, Bytes& what);

  std::span<char> bytes() { return shares_ ? shared_ : std::span<char>(buffer_); }
  Bytes unread() { return {bytes().data() + begin_, end_ - begin_}; }

  const std::size_t frame_max_;
  const std::span<char> shared_;
  Buffer buffer_;
  bool shares_ = false;  // what was read is in shared_
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t least_ = 4U << 10U;  // what room() makes place for: little for who is idle, there may be many
  std::size_t missing_ = 0;        // bytes of the frame that has begun
  bool greeting_ = false;
  bool ready_ = false;
  bool in_parts_ = false;  // of a message that is passed over
};

Buffer zmtp_pong(Bytes ping);

}  // namespace joinery::transport
