// A client's or worker's socket: one connection that comes back by itself.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "shared/base/check.h"
#include "shared/transport/endpoint.h"
#include "shared/transport/socket.h"

namespace joinery::transport {
namespace {

constexpr int linger_ms = 200;  // for a goodbye

// A quarter more or less, so that a fleet does not come back to its broker in one moment.
int jittered_ms(Duration interval) {
  std::random_device seed;
  const double factor = std::uniform_real_distribution(0.75, 1.25)(seed);
  return std::max(1, static_cast<int>(factor * static_cast<double>(interval.count()) / 1000));
}

void set_options(Socket& socket, const Dealer::Options& options) {
  socket.set(ZMQ_SNDHWM, options.queue_max);
  socket.set(ZMQ_RCVHWM, options.queue_max);
  // Frames wait only for a connection that is there: what was meant for one that broke must not reach the
  // next one before its hello.
  socket.set(ZMQ_IMMEDIATE, 1);
  socket.set(ZMQ_LINGER, linger_ms);
  const int first = jittered_ms(options.reconnect_first);
  socket.set(ZMQ_RECONNECT_IVL, first);
  socket.set(ZMQ_RECONNECT_IVL_MAX, std::max(first, jittered_ms(options.reconnect_max)));
  socket.set(ZMQ_CONNECT_TIMEOUT, 5'000);
  socket.set(ZMQ_HANDSHAKE_IVL, 5'000);
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 30);
  socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 10);
  socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3);
}

}  // namespace

struct Dealer::Impl {
  Impl(void* context, const Options& options)
      : socket(context, ZMQ_DEALER),
        monitor(context, socket, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) {
    set_options(socket, options);
  }

  void drain_monitor() {
    int event = 0;
    int value = 0;
    while (monitor.next(event, value)) {
      const bool now = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      if (now == connected) continue;  // an attempt that came to nothing
      connected = now;
      events.push_back(now ? +1 : -1);
    }
  }

  void update_signal(bool readable) { readable || !events.empty() ? signal.raise() : signal.lower(); }

  Socket socket;
  Monitor monitor;
  Signal signal;
  Part part;
  bool connected = false;
  std::vector<int> events;
};

Dealer::Dealer(Context& context, Options options)
    : impl_(std::make_unique<Impl>(context.handle(), options)) {}
Dealer::~Dealer() = default;

Result<> Dealer::connect(const std::string& endpoint) {
  if (auto sound = check_remote(endpoint); !sound) return sound;
  if (endpoint.find('[') != std::string::npos) impl_->socket.set(ZMQ_IPV6, 1);
  if (zmq_connect(impl_->socket.get(), endpoint.c_str()) != 0) {
    return fail(
        Code::invalid_argument,
        fmt::format("endpoint {}: {}; expected tcp://HOST:PORT or ipc://PATH", endpoint, zmq_strerror(errno)),
        "endpoint");
  }
  return {};
}

bool Dealer::receive(Buffer& frame) {
  Impl& impl = *impl_;
  while (impl.part.receive(impl.socket)) {
    const bool whole = !impl.part.more();
    if (whole) {
      frame.assign(impl.part.bytes());
      return true;
    }
    while (impl.part.more()) JOINERY_CHECK(impl.part.receive(impl.socket));
  }
  impl.drain_monitor();
  impl.update_signal(false);
  return false;
}

Sent Dealer::send(Bytes frame) {
  Impl& impl = *impl_;
  if (!impl.connected) {
    impl.drain_monitor();
    impl.socket.readable();  // takes over the new connection, if there is one
  }
  Sent sent = Sent::gone;
  // A lost connection would still take frames for a moment, and drop them.
  if (impl.connected) {
    const bool taken = zmq_send(impl.socket.get(), frame.data(), frame.size(), ZMQ_DONTWAIT) >= 0;
    const bool full = !taken && errno == EAGAIN;
    if (!taken) impl.drain_monitor();
    if (impl.connected) sent = taken ? Sent::yes : full ? Sent::full : Sent::gone;
  }
  if (!impl.events.empty()) impl.signal.raise();
  impl.signal.after_send(impl.socket);
  return sent;
}

void Dealer::changes(std::vector<int>& events) {
  impl_->drain_monitor();
  events.clear();
  events.swap(impl_->events);
  // Also makes the socket take over the connection that the event told of, so that it can be sent to.
  if (!events.empty()) impl_->update_signal(impl_->socket.readable());
}

std::vector<int> Dealer::descriptors() const {
  return {impl_->socket.descriptor(), impl_->monitor.descriptor(), impl_->signal.descriptor()};
}

}  // namespace joinery::transport
