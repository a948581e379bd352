// The reading end of the socket: bytes in, messages out. Payloads are not copied: they stay where they were
// received, and whoever needs them keeps memory().
#pragma once

#include <memory>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/protocol/pool.h"

namespace joinery::pool_process {

class Inbox {
 public:
  explicit Inbox(int socket) : socket_(socket) {}

  // Takes what has come, without waiting. False at the end of the stream.
  bool receive();
  // The next message; views in it point into memory(). False: the rest has not come yet.
  Result<bool> next(pool::Message& out);
  std::shared_ptr<const char[]> memory() const { return memory_; }

 private:
  void make_room();

  int socket_;
  std::shared_ptr<char[]> memory_;  // never moved or written again where messages are
  std::size_t size_ = 0;
  std::size_t begin_ = 0;  // of what was not taken yet
  std::size_t end_ = 0;
};

}  // namespace joinery::pool_process
