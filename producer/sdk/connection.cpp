#include "joinery/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "shared/base/longest_wait.h"

namespace joinery {
namespace {

using Clock = std::chrono::steady_clock;

// A length: four bytes, the highest first; or four of 0xff and then eight.
constexpr std::uint64_t short_length_max = 0x7fff'ffff;

std::size_t put_length(std::array<char, 12>& head, std::uint64_t length) {
  std::size_t at = 0;
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) head[at++] = static_cast<char>(value >> shift);
  };
  if (length <= short_length_max) {
    put(length, 4);
  } else {
    put(0xffff'ffff, 4);
    put(length, 8);
  }
  return at;
}

std::uint64_t number_of(Bytes bytes) {
  std::uint64_t number = 0;
  for (const char each : bytes) number = number << 8U | static_cast<unsigned char>(each);
  return number;
}

// poll(2) until something is ready or the time is over.
int poll_for(std::span<pollfd> waits, Timeout timeout) {
  const auto until = Clock::now() + at_longest(timeout.value_or(std::chrono::milliseconds(0)));
  for (;;) {
    int wait_ms = -1;
    if (timeout) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
    }
    const int ready = ::poll(waits.data(), waits.size(), wait_ms);
    if (ready >= 0) return ready;
    if (errno != EINTR) throw OSError(errno, "poll");
  }
}

// Writes both parts, the second right behind the first.
void send_all(int socket, Bytes head, Bytes body) {
  while (!head.empty() || !body.empty()) {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) throw BrokenPipe("the other end is closed");
    if (sent < 0) throw OSError(errno, "sending");
    const auto count = static_cast<std::size_t>(sent);
    const std::size_t of_head = std::min(count, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(count - of_head);
  }
}

}  // namespace

int Connection::fileno() const {
  if (!socket_) throw ValueError("the connection is closed");
  return socket_.get();
}

void Connection::send_bytes(Bytes message) {
  const int socket = fileno();
  if (!writable()) throw ValueError("the connection is for receiving only");
  std::array<char, 12> head{};
  const std::size_t size = put_length(head, message.size());
  send_all(socket, Bytes(head.data(), size), message);
}

void Connection::receive(char* to, std::size_t size, bool first) {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::recv(socket_.get(), to + got, size - got, 0);
    if (count < 0 && errno == EINTR) continue;
    const bool reset = count < 0 && errno == ECONNRESET;
    if (count < 0 && !reset) throw OSError(errno, "receiving");
    if (count <= 0) {
      if (first && got == 0) throw EOFError("the other end is closed");
      close();
      throw OSError(ECONNRESET, "the other end was closed in the middle of a message");
    }
    got += static_cast<std::size_t>(count);
  }
}

std::uint64_t Connection::receive_length() {
  fileno();
  if (!readable()) throw ValueError("the connection is for sending only");
  std::array<char, 8> head{};
  receive(head.data(), 4, true);
  const std::uint64_t length = number_of(Bytes(head.data(), 4));
  if (length != 0xffff'ffff) return length;
  receive(head.data(), 8, false);
  return number_of(Bytes(head.data(), 8));
}

Buffer Connection::recv_bytes(std::optional<std::size_t> maximum) {
  constexpr std::size_t step = 1U << 20U;  // memory is given to what comes, not to what is announced
  const std::uint64_t length = receive_length();
  if (maximum && length > *maximum) {
    close();
    throw OSError(EMSGSIZE,
                  fmt::format("a message of {} bytes came, at most {} are wanted", length, *maximum));
  }
  Buffer message;
  while (message.size() < length) {
    const std::size_t before = message.size();
    message.resize(before + std::min<std::uint64_t>(length - before, std::max(step, before)));
    receive(message.data() + before, message.size() - before, false);
  }
  return message;
}

std::size_t Connection::recv_bytes_into(std::span<char> buffer, std::size_t offset) {
  if (offset > buffer.size()) {
    throw ValueError(fmt::format("offset is {}, the buffer has {} bytes", offset, buffer.size()));
  }
  Buffer message = recv_bytes();
  if (message.size() > buffer.size() - offset) {
    const std::string what = fmt::format("a message of {} bytes came, the buffer has room for {}",
                                         message.size(), buffer.size() - offset);
    throw BufferTooShort(what, std::move(message));
  }
  std::memcpy(buffer.data() + offset, message.data(), message.size());
  return message.size();
}

bool Connection::poll(Timeout timeout) const {
  pollfd wait{fileno(), POLLIN, 0};
  if (!readable()) throw ValueError("the connection is for sending only");
  return poll_for({&wait, 1}, timeout) > 0;
}

std::pair<Connection, Connection> Pipe(bool duplex) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw OSError(errno, "Pipe");
  unique_fd first(ends[0]);
  unique_fd second(ends[1]);
  using enum Connection::Direction;
  if (duplex) return {Connection(std::move(first)), Connection(std::move(second))};
  ::shutdown(first.get(), SHUT_WR);
  ::shutdown(second.get(), SHUT_RD);
  return {Connection(std::move(first), receive), Connection(std::move(second), send)};
}

std::vector<int> wait(const std::vector<int>& descriptors, Timeout timeout) {
  std::vector<pollfd> waits;
  for (const int descriptor : descriptors) waits.push_back({descriptor, POLLIN, 0});
  const bool negative = std::ranges::any_of(descriptors, [](int descriptor) { return descriptor < 0; });
  poll_for(waits, negative ? Timeout(0) : timeout);
  std::vector<int> ready;
  for (const pollfd& each : waits) {
    // poll passes negative ones over.
    if (each.fd < 0 || (each.revents & POLLNVAL) != 0)
      throw OSError(EBADF, fmt::format("wait for descriptor {}", each.fd));
    if (each.revents != 0) ready.push_back(each.fd);
  }
  return ready;
}

}  // namespace joinery
