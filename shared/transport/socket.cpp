#include "shared/transport/socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "shared/base/check.h"

namespace joinery::transport {

Socket::Socket(void* context, int type) : handle_(zmq_socket(context, type)) { JOINERY_CHECK(handle_); }
Socket::~Socket() { zmq_close(handle_); }

void Socket::set(int option, int value) {
  JOINERY_CHECK(zmq_setsockopt(handle_, option, &value, sizeof value) == 0);
}

void Socket::set(int option, std::int64_t value) {
  JOINERY_CHECK(zmq_setsockopt(handle_, option, &value, sizeof value) == 0);
}

int Socket::descriptor() const {
  int fd = -1;
  std::size_t size = sizeof fd;
  JOINERY_CHECK(zmq_getsockopt(handle_, ZMQ_FD, &fd, &size) == 0);
  return fd;
}

bool Socket::readable() const {
  int events = 0;
  std::size_t size = sizeof events;
  return zmq_getsockopt(handle_, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

bool Part::receive(const Socket& socket) {
  int received = -1;
  do {
    received = zmq_msg_recv(&message_, socket.get(), ZMQ_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  JOINERY_CHECK(received >= 0 || errno == EAGAIN || errno == ETERM);
  return received >= 0;
}

Monitor::Monitor(void* context, const Socket& watched, int events)
    : watched_(watched), socket_(context, ZMQ_PAIR), descriptor_(socket_.descriptor()) {
  static std::atomic<unsigned> number{0};  // of the endpoint, which must differ within a context
  const std::string endpoint = fmt::format("inproc://joinery-monitor-{}", ++number);
  socket_.set(ZMQ_LINGER, 0);
  // Events must not be dropped, however many connections there are.
  socket_.set(ZMQ_RCVHWM, 0);
  JOINERY_CHECK(zmq_socket_monitor(watched.get(), endpoint.c_str(), events) == 0);
  JOINERY_CHECK(zmq_connect(socket_.get(), endpoint.c_str()) == 0);
}

Monitor::~Monitor() { zmq_socket_monitor(watched_.get(), nullptr, 0); }

bool Monitor::signalled() const {
  pollfd one{descriptor_, POLLIN, 0};
  return ::poll(&one, 1, 0) != 0;
}

// An event is two parts: 16 bits of event and 32 of value in the machine's order, and the endpoint.
bool Monitor::next(int& event, int& value) {
  if (!reading_ && !signalled()) return false;
  reading_ = part_.receive(socket_);
  if (!reading_) return false;
  const Bytes bytes = part_.bytes();
  JOINERY_CHECK(bytes.size() == 6);
  std::uint16_t number = 0;
  std::int32_t detail = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  std::memcpy(&detail, bytes.data() + sizeof number, sizeof detail);
  event = number;
  value = detail;
  while (part_.more()) {
    if (!part_.receive(socket_)) return false;
  }
  return true;
}

Signal::Signal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { JOINERY_CHECK(fd_); }

void Signal::raise() {
  if (raised_) return;
  raised_ = true;
  JOINERY_CHECK(eventfd_write(fd_.get(), 1) == 0);
}

void Signal::lower() {
  sends_ = 0;
  if (!raised_) return;
  raised_ = false;
  eventfd_t count = 0;
  JOINERY_CHECK(eventfd_read(fd_.get(), &count) == 0);
}

}  // namespace joinery::transport
