// Peers over ZeroMQ. Which connection a frame came over is told by a number of ours, not by its descriptor,
// which the system gives out again at once.
#include "shared/transport/remote_router.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "shared/base/check.h"
#include "shared/transport/local_router.h"
#include "shared/transport/socket.h"

namespace joinery::transport {
namespace {

constexpr int linger_ms = 200;  // for the last frames of a broker that stops
constexpr int handshake_ms = 10'000;

void set_options(Socket& socket, const Router::Options& options) {
  socket.set(ZMQ_ROUTER_MANDATORY, 1);
  // A peer that names itself and comes back before its old connection is known to be dead gets through.
  socket.set(ZMQ_ROUTER_HANDOVER, 1);
  socket.set(ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(options.frame_max));
  socket.set(ZMQ_SNDHWM, options.queue_max);
  socket.set(ZMQ_RCVHWM, options.queue_max);
  socket.set(ZMQ_LINGER, linger_ms);
  socket.set(ZMQ_HANDSHAKE_IVL, handshake_ms);
  socket.set(ZMQ_BACKLOG, 1024);
  // For a peer whose machine is gone; the lease of its session is shorter, but ends no connection.
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 30);
  socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 10);
  socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3);
}

// Numbers of connections, and which of them broke. A connection is told by the monitor before its first frame
// can be received, and its end before its descriptor is used again; so a frame from an address that is new
// here belongs to what its descriptor means once the monitor is drained. From then on the address is enough:
// ZeroMQ gives each connection a new one.
class Connections {
 public:
  explicit Connections(ConnectionNumber& last) : last_(last) {}
  void accepted(int fd) { at(fd) = {++last_, true, {}}; }

  void disconnected(int fd) {
    Connection& connection = at(fd);
    if (!connection.alive) return;
    connection.alive = false;
    lost_.push_back(connection.number);
    for (const Address& address : connection.addresses) by_address_.erase(address);
    connection.addresses.clear();
  }

  // 0 if the address is new.
  ConnectionNumber find(Bytes address) const {
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? 0 : found->second;
  }

  // Of the first frame from `address`; or of a last one, read after its connection broke.
  ConnectionNumber add(const Address& address, int fd) {
    Connection& connection = at(fd);
    if (connection.number == 0) connection = {++last_, true, {}};
    if (connection.alive && own_name(address)) {
      by_address_[address] = connection.number;
      connection.addresses.push_back(address);
    }
    return connection.number;
  }

  std::vector<ConnectionNumber>& lost() { return lost_; }

 private:
  struct Connection {
    ConnectionNumber number = 0;
    bool alive = false;
    std::vector<Address> addresses;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(Bytes address) const { return std::hash<Bytes>{}(address); }
  };

  // Given by ZeroMQ. A peer that chose its name may come back with it on another connection.
  static bool own_name(const Address& address) { return !address.empty() && address[0] == 0; }

  Connection& at(int fd) {
    const auto index = static_cast<std::size_t>(fd < 0 ? 0 : fd);
    if (index >= by_fd_.size()) by_fd_.resize(index + 1);
    return by_fd_[index];
  }

  std::vector<Connection> by_fd_;
  std::unordered_map<Address, ConnectionNumber, Hash, std::equal_to<>> by_address_;
  std::vector<ConnectionNumber> lost_;
  ConnectionNumber& last_;
};

}  // namespace

struct RemoteRouter::Impl {
  Impl(void* context, const Router::Options& options, ConnectionNumber& last_connection)
      : socket(context, ZMQ_ROUTER),
        monitor(context, socket, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED),
        connections(last_connection) {
    set_options(socket, options);
  }

  void drain_monitor() {
    int event = 0;
    int fd = 0;
    while (monitor.next(event, fd)) {
      event == ZMQ_EVENT_ACCEPTED ? connections.accepted(fd) : connections.disconnected(fd);
    }
  }

  // Of the frame that was just received.
  ConnectionNumber connection() {
    const ConnectionNumber known = connections.find(address.bytes());
    if (known != 0) return known;
    drain_monitor();
    return connections.add(Address(address.bytes()), frame.connection());
  }

  // After a last receive: whatever was noticed on the way must wake the owner.
  void update_signal(bool readable) {
    readable || !connections.lost().empty() ? signal.raise() : signal.lower();
  }

  Socket socket;
  Monitor monitor;
  Connections connections;
  Signal signal;
  Part address;
  Part frame;
};

RemoteRouter::RemoteRouter(void* context, const Router::Options& options, ConnectionNumber& last_connection)
    : impl_(std::make_unique<Impl>(context, options, last_connection)) {}
RemoteRouter::~RemoteRouter() = default;

bool RemoteRouter::bind(const std::string& endpoint) {
  if (endpoint.find('[') != std::string::npos) impl_->socket.set(ZMQ_IPV6, 1);
  return zmq_bind(impl_->socket.get(), endpoint.c_str()) == 0;
}

std::string RemoteRouter::last_endpoint() const {
  std::array<char, 1024> bound{};
  std::size_t size = bound.size();
  JOINERY_CHECK(zmq_getsockopt(impl_->socket.get(), ZMQ_LAST_ENDPOINT, bound.data(), &size) == 0);
  return std::string(bound.data());
}

bool RemoteRouter::receive(Address& from, Buffer& frame, ConnectionNumber& connection) {
  Impl& impl = *impl_;
  while (impl.address.receive(impl.socket)) {
    // ZeroMQ gives a message whole or not at all, so that its other parts are there.
    if (!impl.address.more()) continue;
    JOINERY_CHECK(impl.frame.receive(impl.socket));
    if (impl.frame.more()) {  // not of this protocol: dropped whole
      while (impl.frame.more()) JOINERY_CHECK(impl.frame.receive(impl.socket));
      continue;
    }
    from.assign(impl.address.bytes());
    if (LocalRouter::ours(from)) continue;  // a name that a peer chose to be taken for one of this host
    frame.assign(impl.frame.bytes());
    connection = impl.connection();
    return true;
  }
  impl.drain_monitor();
  impl.update_signal(false);
  return false;
}

Sent RemoteRouter::send(const Address& to, Bytes frame) {
  Impl& impl = *impl_;
  Sent sent = Sent::yes;
  if (zmq_send(impl.socket.get(), to.data(), to.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
    sent = errno == EAGAIN ? Sent::full : Sent::gone;
  } else if (zmq_send(impl.socket.get(), frame.data(), frame.size(), ZMQ_DONTWAIT) < 0) {
    sent = Sent::gone;
  }
  impl.signal.after_send(impl.socket);
  return sent;
}

void RemoteRouter::lost(std::vector<ConnectionNumber>& connections) {
  impl_->drain_monitor();
  std::vector<ConnectionNumber>& lost = impl_->connections.lost();
  if (lost.empty()) return;
  connections.insert(connections.end(), lost.begin(), lost.end());
  lost.clear();
  impl_->update_signal(impl_->socket.readable());
}

std::vector<int> RemoteRouter::descriptors() const {
  return {impl_->socket.descriptor(), impl_->monitor.descriptor(), impl_->signal.descriptor()};
}

}  // namespace joinery::transport
