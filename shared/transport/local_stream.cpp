#include "shared/transport/local_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace joinery::transport {
namespace {

constexpr std::string_view scheme = "ipc://";
constexpr int backlog = 1024;

struct UnixAddress {
  explicit UnixAddress(std::string_view endpoint) {
    const std::string_view path = endpoint.substr(scheme.size());
    socket.sun_family = AF_UNIX;
    std::memcpy(socket.sun_path, path.data(), path.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (path.starts_with('@')) {
      socket.sun_path[0] = '\0';  // a name outside of the file system
    } else {
      ++size;  // with the zero
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&socket); }
  sockaddr_un socket{};
  socklen_t size;
};

unique_fd new_socket() { return unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

}  // namespace

bool is_local(std::string_view endpoint) {
  return endpoint.starts_with(scheme) && !endpoint.substr(scheme.size()).starts_with('*');
}

std::string path_of_local(std::string_view endpoint) {
  const std::string_view path = endpoint.substr(scheme.size());
  return path.starts_with('@') ? std::string() : std::string(path);
}

unique_fd connect_local(const std::string& endpoint) {
  const UnixAddress address(endpoint);
  unique_fd socket = new_socket();
  if (!socket || ::connect(socket.get(), address.get(), address.size) != 0) return unique_fd();
  return socket;
}

unique_fd listen_local(const std::string& endpoint) {
  const UnixAddress address(endpoint);
  unique_fd socket = new_socket();
  if (const std::string path = path_of_local(endpoint); !path.empty()) ::unlink(path.c_str());
  if (!socket || ::bind(socket.get(), address.get(), address.size) != 0) return unique_fd();
  if (::listen(socket.get(), backlog) != 0) return unique_fd();
  return socket;
}

LocalStream::LocalStream(unique_fd socket, ZmtpRole role, std::size_t frame_max, std::span<char> shared)
    : socket_(std::move(socket)), reader_(frame_max, shared) {
  const Buffer opening = zmtp_opening(role);
  keep(opening, {}, write(opening, {}));
}

LocalStream::Got LocalStream::receive(Bytes& frame) {
  for (;;) {
    switch (reader_.next(frame)) {
      case ZmtpReader::Next::message: return Got::frame;
      case ZmtpReader::Next::broken: return Got::lost;
      case ZmtpReader::Next::ping: {
        const Buffer pong = zmtp_pong(frame);
        if (waiting_.empty()) keep(pong, {}, write(pong, {}));
        continue;
      }
      case ZmtpReader::Next::more: break;
    }
    if (std::exchange(drained_, false)) return Got::nothing;
    const auto room = reader_.room();
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Got::nothing;
    if (got <= 0) return Got::lost;
    reader_.filled(static_cast<std::size_t>(got));
    drained_ = static_cast<std::size_t>(got) < room.size();
  }
}

std::size_t LocalStream::write(Bytes first, Bytes second) {
  if (gone_) return 0;
  std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                             iovec{const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EINTR) continue;
    gone_ = errno != EAGAIN;
    if (gone_) ::shutdown(socket_.get(), SHUT_WR);  // the other end sees it at once
    return 0;
  }
}

void LocalStream::keep(Bytes first, Bytes second, std::size_t written) {
  if (gone_ || written == first.size() + second.size()) return;
  Buffer whole(first);
  whole += second;
  if (waiting_.empty()) begun_ = written;
  waiting_.push_back(std::move(whole));
}

Sent LocalStream::send(Bytes frame, int queue_max) {
  if (gone_) return Sent::gone;
  const ZmtpHeader header(frame.size());
  if (!waiting_.empty()) {
    const auto full = [&] { return queue_max > 0 && waiting_.size() >= static_cast<std::size_t>(queue_max); };
    if (full()) flush();
    if (full() || gone_) return gone_ ? Sent::gone : Sent::full;
    keep(header.bytes(), frame, 0);
    return Sent::yes;
  }
  keep(header.bytes(), frame, write(header.bytes(), frame));
  return gone_ ? Sent::gone : Sent::yes;
}

void LocalStream::flush() {
  while (!waiting_.empty()) {
    const Bytes rest = Bytes(waiting_.front()).substr(begun_);
    const std::size_t written = write(rest, {});
    if (gone_) return waiting_.clear();
    begun_ += written;
    if (written < rest.size()) return;
    waiting_.pop_front();
    begun_ = 0;
  }
}

void LocalStream::flush_until(Mono limit) {
  for (flush(); !waiting_.empty(); flush()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - read_clocks().mono);
    pollfd one{socket_.get(), POLLOUT, 0};
    if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) <= 0) return;
  }
}

}  // namespace joinery::transport
