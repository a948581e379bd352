// Connections between programs that are not related: addresses, Listener and connect.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "joinery/connection.h"

namespace joinery {
namespace {

constexpr std::string_view tcp_scheme = "tcp://";
constexpr std::string_view unix_scheme = "unix://";

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family = AF_UNSPEC;
};

[[noreturn]] void refuse(const std::string& address) {
  throw ValueError(fmt::format("address \"{}\": expected tcp://HOST:PORT or unix:///PATH", address));
}

std::string path_of(const std::string& address) {
  return address.starts_with(unix_scheme) ? address.substr(unix_scheme.size()) : std::string();
}

Address unix_address(const std::string& address) {
  Address result;
  sockaddr_un name{};
  const std::string path = path_of(address);
  if (path.empty() || path.size() >= sizeof name.sun_path) refuse(address);
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  std::memcpy(&result.bytes, &name, sizeof name);
  result.size = sizeof name;
  result.family = AF_UNIX;
  return result;
}

// A number, or a name of /etc/services. getaddrinfo would take 65536 for 0, and -1 for 65535.
bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool named = !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
  return named || (error == std::errc() && end == text.data() + text.size());
}

std::vector<Address> tcp_addresses(const std::string& address) {
  const std::string rest = address.substr(tcp_scheme.size());
  const auto colon = rest.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse(address);
  std::string host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string service = rest.substr(colon + 1);
  if (!is_port(service)) throw ValueError(fmt::format("address \"{}\": port: expected 0 to 65535", address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (error != 0) throw ValueError(fmt::format("address \"{}\": {}", address, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address& one = addresses.emplace_back();
    std::memcpy(&one.bytes, each->ai_addr, each->ai_addrlen);
    one.size = each->ai_addrlen;
    one.family = each->ai_family;
  }
  return addresses;
}

std::vector<Address> resolve(const std::string& address) {
  if (address.starts_with(unix_scheme)) return {unix_address(address)};
  if (address.starts_with(tcp_scheme)) return tcp_addresses(address);
  refuse(address);
}

sockaddr* raw(Address& address) {
  void* bytes = &address.bytes;
  return static_cast<sockaddr*>(bytes);
}

unique_fd new_socket(const Address& address) {
  unique_fd socket(::socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw OSError(errno, "socket");
  return socket;
}

// A message is small and waited for; and a host that vanished shall be noticed some day.
void tune(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

std::string text_of(Address address) {
  if (address.family == AF_UNIX) return std::string(unix_scheme);
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  ::getnameinfo(raw(address), address.size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  return address.family == AF_INET6 ? fmt::format("tcp://[{}]:{}", host, port)
                                    : fmt::format("tcp://{}:{}", host, port);
}

// 0: connected; else errno.
int try_connect(int socket, Address& address, Timeout timeout) {
  const auto least = std::chrono::milliseconds(1);
  const auto patience = timeout ? std::max(*timeout, least) : std::chrono::milliseconds(0);  // 0: for ever
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int error = ::connect(socket, raw(address), address.size) == 0 ? 0 : errno;
  const timeval none{};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  return error;
}

}  // namespace

Listener::Listener(const std::string& address, int backlog) : path_(path_of(address)) {
  Address at = resolve(address).front();
  socket_ = new_socket(at);
  const int on = 1;
  if (path_.empty()) ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket_.get(), raw(at), at.size) != 0) {
    path_.clear();  // it is another's
    throw OSError(errno, "listening at " + address);
  }
  if (::listen(socket_.get(), backlog) != 0) throw OSError(errno, "listening at " + address);
  at.size = sizeof at.bytes;
  ::getsockname(socket_.get(), raw(at), &at.size);
  address_ = path_.empty() ? text_of(at) : address;
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (!socket_) return;
  socket_.reset();
  if (!path_.empty()) ::unlink(path_.c_str());
}

Connection Listener::accept(Timeout timeout) {
  if (!socket_) throw ValueError("the listener is closed");
  for (;;) {
    if (wait({socket_.get()}, timeout).empty()) throw TimeoutError("nobody connected in time");
    Address from;
    from.size = sizeof from.bytes;
    unique_fd socket(::accept4(socket_.get(), raw(from), &from.size, SOCK_CLOEXEC));
    if (!socket && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (!socket) throw OSError(errno, "accept");
    tune(socket.get());
    from.family = from.bytes.ss_family;
    last_accepted_ = text_of(from);
    return Connection(std::move(socket));
  }
}

Connection connect(const std::string& address, Timeout timeout) {
  int error = 0;
  for (Address& each : resolve(address)) {
    unique_fd socket = new_socket(each);
    error = try_connect(socket.get(), each, timeout);
    if (error != 0) continue;
    tune(socket.get());
    return Connection(std::move(socket));
  }
  if (error == EINPROGRESS || error == EAGAIN || error == ETIMEDOUT) {
    throw TimeoutError(fmt::format("nobody answers at {}", address));
  }
  throw OSError(error, "connecting to " + address);
}

}  // namespace joinery
