#include "producer/cli/bench/peer.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace joinery::cli::bench {
namespace {

constexpr std::size_t greeting_size = 64;
constexpr unsigned char flag_long = 2;
constexpr unsigned char flag_command = 4;

[[noreturn]] void broken(const std::string& endpoint) {
  throw std::runtime_error(fmt::format("a connection to {}: {}", endpoint, std::strerror(errno)));
}

unique_fd connect_unix(const std::string& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  endpoint.copy(address.sun_path, sizeof address.sun_path - 1, std::strlen("ipc://"));
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) broken(endpoint);
  return fd;
}

unique_fd connect_tcp(const std::string& endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  const std::string host = endpoint.substr(std::strlen("tcp://"), colon - std::strlen("tcp://"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = ::htons(static_cast<std::uint16_t>(std::stoul(endpoint.substr(colon + 1))));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) broken(endpoint);
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) broken(endpoint);
  const int yes = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

// Signature, version 3.0, mechanism NULL, and who we are.
Buffer introduction() {
  Buffer text(greeting_size, '\0');
  text[0] = '\xff';
  text[9] = '\x7f';
  text[10] = 3;
  text.replace(12, 4, "NULL");
  const Buffer ready = Buffer("\5READY\13Socket-Type\0\0\0\6DEALER", 28);
  text += static_cast<char>(flag_command);
  text += static_cast<char>(ready.size());
  return text + ready;
}

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

Peer::Peer(const std::string& endpoint)
    : socket_(endpoint.starts_with("ipc://") ? connect_unix(endpoint) : connect_tcp(endpoint)) {
  write(introduction());
}

void Peer::wait_ready() {
  while (!ready_) receive([](Bytes) {});
}

void Peer::send(Bytes frame) {
  Buffer head(1, static_cast<char>(flag_long));
  for (int shift = 56; shift >= 0; shift -= 8) head += static_cast<char>(frame.size() >> shift & 0xffU);
  head += frame;
  write(head);
}

void Peer::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (wrote < 0) broken("the broker");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void Peer::receive(const std::function<void(Bytes)>& take) {
  std::array<char, 65'536> chunk;
  const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
  if (got == 0) errno = ECONNRESET;
  if (got <= 0) broken("the broker");
  read_.append(chunk.data(), static_cast<std::size_t>(got));
  Bytes rest = read_;
  if (!greeted_) {
    if (rest.size() < greeting_size) return;
    rest.remove_prefix(greeting_size);
    greeted_ = true;
  }
  while (rest.size() >= 2) {
    const auto flags = static_cast<unsigned char>(rest[0]);
    const std::size_t head = (flags & flag_long) != 0 ? 9 : 2;
    if (rest.size() < head) break;
    const std::uint64_t size = big_endian(rest.substr(1, head - 1));
    if (rest.size() - head < size) break;
    if ((flags & flag_command) != 0)
      ready_ = true;  // the only command of this mechanism
    else
      take(rest.substr(head, size));
    rest.remove_prefix(head + size);
  }
  read_.erase(0, read_.size() - rest.size());
}

}  // namespace joinery::cli::bench
