// A connection to a broker by ZeroMQ.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "shared/base/check.h"
#include "shared/transport/dealer_end.h"
#include "shared/transport/socket.h"

namespace joinery::transport {
namespace {

constexpr int linger_ms = 200;  // for a goodbye

int jittered_ms(Duration interval) {
  return static_cast<int>(std::chrono::floor<std::chrono::milliseconds>(jittered(interval)).count());
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

class RemoteDealer final : public DealerEnd {
 public:
  RemoteDealer(void* context, const Dealer::Options& options)
      : socket_(context, ZMQ_DEALER),
        monitor_(context, socket_, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) {
    set_options(socket_, options);
  }

  Result<> connect(const std::string& endpoint) {
    if (endpoint.find('[') != std::string::npos) socket_.set(ZMQ_IPV6, 1);
    if (zmq_connect(socket_.get(), endpoint.c_str()) == 0) return {};
    return fail(
        Code::invalid_argument,
        fmt::format("endpoint {}: {}; expected tcp://HOST:PORT or ipc://PATH", endpoint, zmq_strerror(errno)),
        "endpoint");
  }

  bool receive(Buffer& frame) override {
    while (part_.receive(socket_)) {
      const bool whole = !part_.more();
      if (whole) {
        frame.assign(part_.bytes());
        return true;
      }
      while (part_.more()) JOINERY_CHECK(part_.receive(socket_));
    }
    drain_monitor();
    update_signal(false);
    return false;
  }

  Sent send(Bytes frame) override {
    if (!connected_) {
      drain_monitor();
      socket_.readable();  // takes over the new connection, if there is one
    }
    Sent sent = Sent::gone;
    // A lost connection would still take frames for a moment, and drop them.
    if (connected_) {
      const bool taken = zmq_send(socket_.get(), frame.data(), frame.size(), ZMQ_DONTWAIT) >= 0;
      const bool full = !taken && errno == EAGAIN;
      if (!taken) drain_monitor();
      if (connected_) sent = taken ? Sent::yes : full ? Sent::full : Sent::gone;
    }
    if (!events_.empty()) signal_.raise();
    signal_.after_send(socket_);
    return sent;
  }

  void changes(std::vector<int>& events) override {
    drain_monitor();
    events.swap(events_);
    // Also makes the socket take over the connection that the event told of, so that it can be sent to.
    if (!events.empty()) update_signal(socket_.readable());
  }

  std::vector<int> descriptors() const override {
    return {socket_.descriptor(), monitor_.descriptor(), signal_.descriptor()};
  }

 private:
  void drain_monitor() {
    int event = 0;
    int value = 0;
    while (monitor_.next(event, value)) {
      const bool now = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      if (now == connected_) continue;  // an attempt that came to nothing
      connected_ = now;
      events_.push_back(now ? +1 : -1);
    }
  }

  void update_signal(bool readable) { readable || !events_.empty() ? signal_.raise() : signal_.lower(); }

  Socket socket_;
  Monitor monitor_;
  Signal signal_;
  Part part_;
  bool connected_ = false;
  std::vector<int> events_;
};

}  // namespace

Result<std::unique_ptr<DealerEnd>> connect_remote(void* context, const Dealer::Options& options,
                                                  const std::string& endpoint) {
  auto dealer = std::make_unique<RemoteDealer>(context, options);
  if (auto connected = dealer->connect(endpoint); !connected) return std::unexpected(connected.error());
  return dealer;
}

}  // namespace joinery::transport
