#include "worker/pool_process/inbox.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace joinery::pool_process {

void Inbox::make_room() {
  constexpr std::size_t chunk = 256U << 10U;
  constexpr std::size_t least = 16U << 10U;
  if (size_ - end_ >= least) return;
  const std::size_t rest = end_ - begin_;
  // Twice the rest, so that a large message is moved (and looked at) only a few times.
  const std::size_t size = std::max(chunk, 2 * rest);
  auto memory = std::make_shared_for_overwrite<char[]>(size);
  if (rest > 0) std::memcpy(memory.get(), memory_.get() + begin_, rest);
  memory_ = std::move(memory);
  size_ = size;
  begin_ = 0;
  end_ = rest;
}

bool Inbox::receive() {
  make_room();
  for (;;) {
    const ssize_t got = ::recv(socket_, memory_.get() + end_, size_ - end_, MSG_DONTWAIT);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
}

Result<bool> Inbox::next(pool::Message& out) {
  if (begin_ == end_) return false;
  auto taken = pool::decode(Bytes(memory_.get() + begin_, end_ - begin_), out);
  if (!taken) return std::unexpected(taken.error());
  begin_ += *taken;
  return *taken > 0;
}

}  // namespace joinery::pool_process
