#include "shared/transport/local_router.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shared/base/check.h"

namespace joinery::transport {
namespace {

constexpr Duration greet_within = std::chrono::seconds(10);
constexpr Duration accept_pause = std::chrono::milliseconds(100);
constexpr Duration linger = std::chrono::milliseconds(200);  // for the last frames of a broker that stops
constexpr unsigned in_a_row_max = 16;                        // frames of one peer while others wait
constexpr int events_per_look = 64;
constexpr std::uint64_t alarm_event = 0;                           // no connection has this number
constexpr std::uint64_t listener_event = std::uint64_t{1} << 62U;  // | its descriptor

// ZeroMQ's own addresses have five bytes, the first of them zero; names that peers chose do not begin so.
Address address_of(ConnectionNumber connection) {
  Address address(1 + sizeof connection + 1, '\0');
  std::memcpy(address.data() + 1, &connection, sizeof connection);
  return address;
}

ConnectionNumber connection_of(const Address& address) {
  ConnectionNumber connection = 0;
  std::memcpy(&connection, address.data() + 1, sizeof connection);
  return connection;
}

void watch(int poll, int operation, int fd, std::uint32_t events, std::uint64_t what) {
  epoll_event event{.events = events, .data = {.u64 = what}};
  JOINERY_CHECK(::epoll_ctl(poll, operation, fd, &event) == 0);
}

}  // namespace

LocalRouter::LocalRouter(const Router::Options& options, int poll, ConnectionNumber& last_connection)
    : options_(options), last_connection_(last_connection), poll_(poll) {
  watch(poll_, EPOLL_CTL_ADD, alarm_.descriptor(), EPOLLIN, alarm_event);
}

LocalRouter::~LocalRouter() {
  const Mono until = read_clocks().mono + linger;
  for (const auto& [number, peer] : connections_) peer->stream.flush_until(until);
  for (const auto& [listener, path] : listeners_) {
    if (!path.empty()) ::unlink(path.c_str());
  }
}

bool LocalRouter::ours(const Address& address) {
  return address.size() == sizeof(ConnectionNumber) + 2 && address.front() == '\0';
}

bool LocalRouter::bind(const std::string& endpoint) {
  unique_fd listener = listen_local(endpoint);
  if (!listener) return false;
  watch(poll_, EPOLL_CTL_ADD, listener.get(), EPOLLIN,
        listener_event | static_cast<std::uint32_t>(listener.get()));
  listeners_.emplace_back(std::move(listener), path_of_local(endpoint));
  return true;
}

bool LocalRouter::receive(Address& from, Buffer& frame, ConnectionNumber& connection) {
  for (;;) {
    if (readable_.empty()) {
      if (std::exchange(looked_, false)) return false;
      look();
      continue;
    }
    const auto found = connections_.find(readable_.front());
    if (found == connections_.end()) {
      readable_.pop_front();
      in_a_row_ = 0;
      continue;
    }
    Connection& peer = *found->second;
    Bytes bytes;
    const LocalStream::Got got = peer.stream.receive(bytes);
    if (got == LocalStream::Got::frame) {
      from = peer.address;
      frame.assign(bytes);
      connection = peer.number;
      if (++in_a_row_ >= in_a_row_max && readable_.size() > 1) {
        peer.stream.leave();
        readable_.push_back(readable_.front());
        readable_.pop_front();
        in_a_row_ = 0;
      }
      return true;
    }
    in_a_row_ = 0;
    peer.stream.leave();
    readable_.pop_front();
    peer.queued = false;
    // To receive can leave an answer half sent.
    got == LocalStream::Got::lost ? close(peer) : settle(peer);
  }
}

// What has happened since the last time. The descriptor stays readable as long as there is more, so that once
// is enough between two waits.
void LocalRouter::look() {
  std::array<epoll_event, events_per_look> events{};
  const int number = ::epoll_wait(poll_, events.data(), events_per_look, 0);
  for (int i = 0; i < number; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 < other_event) happened(event.data.u64, event.events);
  }
  looked();
}

void LocalRouter::happened(std::uint64_t what, std::uint32_t events) {
  if (what == alarm_event) return close_silent();
  if (what >= listener_event) return accept(static_cast<int>(what & 0xFFFF'FFFF));
  const auto found = connections_.find(static_cast<ConnectionNumber>(what));
  if (found == connections_.end()) return;
  Connection& peer = *found->second;
  if ((events & EPOLLOUT) != 0) {
    peer.stream.flush();
    settle(peer);
  }
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && !std::exchange(peer.queued, true)) {
    readable_.push_back(peer.number);
  }
}

void LocalRouter::accept(int listener) {
  for (;;) {
    unique_fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // No descriptors are left, say: it would be readable all the time.
      watch(poll_, EPOLL_CTL_MOD, listener, 0, listener_event | static_cast<std::uint32_t>(listener));
      paused_.push_back(listener);
      return alarm_.set(read_clocks().mono + accept_pause);
    }
    const ConnectionNumber number = ++last_connection_;
    auto& peer = *(connections_[number] =
                       std::make_unique<Connection>(std::move(socket), options_.frame_max, shared_));
    peer.number = number;
    peer.address = address_of(number);
    peer.greet_until = read_clocks().mono + greet_within;
    greeting_.push_back(number);
    if (!alarm_.is_set()) alarm_.set(peer.greet_until);
    watch(poll_, EPOLL_CTL_ADD, peer.stream.descriptor(), EPOLLIN, static_cast<std::uint64_t>(number));
  }
}

Sent LocalRouter::send(const Address& to, Bytes frame) {
  const auto found = connections_.find(connection_of(to));
  if (found == connections_.end()) return Sent::gone;
  const Sent sent = found->second->stream.send(frame, options_.queue_max);
  settle(*found->second);
  return sent;
}

// Whether it is waited for that the peer takes more.
void LocalRouter::settle(Connection& connection) {
  const bool wants = connection.stream.wants_write();
  if (std::exchange(connection.watched_for_write, wants) == wants) return;
  watch(poll_, EPOLL_CTL_MOD, connection.stream.descriptor(), EPOLLIN | (wants ? EPOLLOUT : 0U),
        static_cast<std::uint64_t>(connection.number));
}

void LocalRouter::close(Connection& connection) {
  lost_.push_back(connection.number);
  connections_.erase(connection.number);
}

void LocalRouter::lost(std::vector<ConnectionNumber>& connections) {
  connections.insert(connections.end(), lost_.begin(), lost_.end());
  lost_.clear();
}

void LocalRouter::close_silent() {
  for (const int listener : std::exchange(paused_, {})) {
    watch(poll_, EPOLL_CTL_MOD, listener, EPOLLIN, listener_event | static_cast<std::uint32_t>(listener));
  }
  const Mono now = read_clocks().mono;
  alarm_.set(never_mono);
  while (!greeting_.empty()) {
    const auto found = connections_.find(greeting_.front());
    if (found != connections_.end() && !found->second->stream.greeted()) {
      if (now < found->second->greet_until) return alarm_.set(found->second->greet_until);
      close(*found->second);
    }
    greeting_.pop_front();
  }
}

}  // namespace joinery::transport
