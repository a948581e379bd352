// The broker's socket. Which connection a frame came over is told by a number of ours, not by its descriptor,
// which the system gives out again at once.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "shared/base/check.h"
#include "shared/transport/endpoint.h"
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

// REQUIRES: check_local(). ZeroMQ unlinks whatever is at the path of an ipc endpoint before it binds: see
// that nobody lives there.
Result<> check_path(const std::string& endpoint) {
  constexpr std::string_view scheme = "ipc://";
  if (!endpoint.starts_with(scheme)) return {};
  const std::string path = endpoint.substr(scheme.size());
  sockaddr_un address{};
  struct stat found {};
  if (path[0] == '@' || path[0] == '*' || ::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Code::invalid_argument,
                fmt::format("endpoint {}: {} exists and is not a socket", endpoint, path), "endpoint");
  }
  const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno == EAGAIN) {
    return fail(Code::endpoint_taken, fmt::format("endpoint {} is in use by another process", endpoint),
                "endpoint");
  }
  return {};
}

Error bind_error(const std::string& endpoint, int error) {
  switch (error) {
    case EADDRINUSE:
      return {Code::endpoint_taken, fmt::format("endpoint {} is in use by another process", endpoint),
              "endpoint"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::endpoint_taken, fmt::format("endpoint {}: no permission to bind it", endpoint),
              "endpoint"};
    case EADDRNOTAVAIL:
      return {Code::endpoint_taken, fmt::format("endpoint {}: this machine has no such address", endpoint),
              "endpoint"};
    case ENOENT:
    case ENOTDIR:
      return {Code::invalid_argument, fmt::format("endpoint {}: its directory does not exist", endpoint),
              "endpoint"};
    default:
      return {Code::invalid_argument,
              fmt::format("endpoint {}: {}; expected tcp://ADDRESS:PORT, tcp://*:PORT or ipc://PATH",
                          endpoint, zmq_strerror(error)),
              "endpoint"};
  }
}

// Numbers of connections, and which of them broke. A connection is told by the monitor before its first frame
// can be received, and its end before its descriptor is used again; so a frame from an address that is new
// here belongs to what its descriptor means once the monitor is drained. From then on the address is enough:
// ZeroMQ gives each connection a new one.
class Connections {
 public:
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
  int find(Bytes address) const {
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? 0 : found->second;
  }

  // Of the first frame from `address`; or of a last one, read after its connection broke.
  int add(const Address& address, int fd) {
    Connection& connection = at(fd);
    if (connection.number == 0) connection = {++last_, true, {}};
    if (connection.alive && own_name(address)) {
      by_address_[address] = connection.number;
      connection.addresses.push_back(address);
    }
    return connection.number;
  }

  std::vector<int>& lost() { return lost_; }

 private:
  struct Connection {
    int number = 0;
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
  std::unordered_map<Address, int, Hash, std::equal_to<>> by_address_;
  std::vector<int> lost_;
  int last_ = 0;
};

}  // namespace

struct Router::Impl {
  Impl(void* context, const Options& options)
      : socket(context, ZMQ_ROUTER), monitor(context, socket, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) {
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
  int connection() {
    const int known = connections.find(address.bytes());
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

Router::Router(Context& context, Options options)
    : impl_(std::make_unique<Impl>(context.handle(), options)) {}
Router::~Router() = default;

Result<std::string> Router::bind(const std::string& endpoint) {
  if (auto sound = check_local(endpoint); !sound) return std::unexpected(sound.error());
  if (auto free = check_path(endpoint); !free) return std::unexpected(free.error());
  if (endpoint.find('[') != std::string::npos) impl_->socket.set(ZMQ_IPV6, 1);
  if (zmq_bind(impl_->socket.get(), endpoint.c_str()) != 0)
    return std::unexpected(bind_error(endpoint, errno));
  std::array<char, 1024> bound{};
  std::size_t size = bound.size();
  JOINERY_CHECK(zmq_getsockopt(impl_->socket.get(), ZMQ_LAST_ENDPOINT, bound.data(), &size) == 0);
  return std::string(bound.data());
}

bool Router::receive(Address& from, Buffer& frame, int& connection) {
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
    frame.assign(impl.frame.bytes());
    connection = impl.connection();
    return true;
  }
  impl.drain_monitor();
  impl.update_signal(false);
  return false;
}

Sent Router::send(const Address& to, Bytes frame) {
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

void Router::lost(std::vector<int>& connections) {
  impl_->drain_monitor();
  connections.clear();
  connections.swap(impl_->connections.lost());
  if (!connections.empty()) impl_->update_signal(impl_->socket.readable());
}

std::vector<int> Router::descriptors() const {
  return {impl_->socket.descriptor(), impl_->monitor.descriptor(), impl_->signal.descriptor()};
}

}  // namespace joinery::transport
