#include "producer/cli/bench/peer.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "producer/client/joinery/client.h"

namespace joinery::cli::bench {
namespace {

constexpr std::size_t frame_max = std::size_t{1} << 30U;  // the broker's own frames are far smaller

[[noreturn]] void broken(const std::string& endpoint) {
  throw ClientError(
      {Code::broker_unreachable, fmt::format("a connection to {}: {}", endpoint, std::strerror(errno)), {}});
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

}  // namespace

Peer::Peer(const std::string& endpoint)
    : socket_(endpoint.starts_with("ipc://") ? connect_unix(endpoint) : connect_tcp(endpoint)),
      reader_(frame_max) {
  write(transport::zmtp_opening(transport::ZmtpRole::dealer));
}

void Peer::wait_ready() {
  while (!reader_.greeted()) receive([](Bytes) {});
}

void Peer::send(Bytes frame) {
  Buffer message(transport::ZmtpHeader(frame.size()).bytes());
  message += frame;
  write(message);
}

void Peer::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (wrote < 0) broken("the broker");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void Peer::receive(const std::function<void(Bytes)>& take) {
  using Next = transport::ZmtpReader::Next;
  const auto room = reader_.room();
  const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
  if (got == 0) errno = ECONNRESET;
  if (got <= 0) broken("the broker");
  reader_.filled(static_cast<std::size_t>(got));
  Bytes frame;
  for (;;) {
    switch (reader_.next(frame)) {
      case Next::message: take(frame); break;
      case Next::ping: break;
      case Next::more: return;
      case Next::broken: errno = EPROTO, broken("the broker");
    }
  }
}

}  // namespace joinery::cli::bench
