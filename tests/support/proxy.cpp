#include "tests/support/proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <stdexcept>

namespace joinery::testing {
namespace {

constexpr std::size_t held_most = std::size_t{1} << 20U;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a socket: " + path);
  path.copy(address.sun_path, path.size());
  return address;
}

unique_fd make_socket() {
  return unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// False if the connection has ended.
bool take(int from, std::string& to) {
  if (to.size() >= held_most) return true;
  char bytes[65536];
  const ssize_t got = ::read(from, bytes, sizeof bytes);
  if (got > 0) to.append(bytes, static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EAGAIN);
}

bool give(int to, std::string& from, std::uint64_t most) {
  const std::size_t size = std::min<std::uint64_t>(from.size(), most);
  if (size == 0) return true;
  const ssize_t put = ::send(to, from.data(), size, MSG_NOSIGNAL);
  if (put > 0) from.erase(0, static_cast<std::size_t>(put));
  return put > 0 || errno == EAGAIN;
}

short wanted(const std::string& incoming, const std::string& outgoing) {
  return static_cast<short>((incoming.size() < held_most ? POLLIN : 0) | (outgoing.empty() ? 0 : POLLOUT));
}

}  // namespace

Proxy::Proxy(std::string listen_path, std::string target_path)
    : listen_path_(std::move(listen_path)),
      target_path_(std::move(target_path)),
      listener_(make_socket()),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  const sockaddr_un address = address_of(listen_path_);
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 64) != 0) {
    throw std::runtime_error("cannot listen at " + listen_path_);
  }
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  order(Order::stop);
  thread_.join();
}

void Proxy::wait_until_frozen() const {
  for (Order done = done_; done != Order::freeze; done = done_) done_.wait(done);
}

void Proxy::cut() { order(Order::cut); }
void Proxy::heal() { thaw(); }
void Proxy::freeze() { order(Order::freeze); }
void Proxy::thaw() {
  left_ = UINT64_MAX;
  order(Order::pass);
}

void Proxy::order(Order order) {
  wanted_ = order;
  const std::uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) != sizeof one) throw std::runtime_error("the proxy is gone");
  for (Order done = done_; done != order; done = done_) done_.wait(done);
}

void Proxy::run() {
  while (wanted_ != Order::stop) {
    if (wanted_ == Order::cut) pairs_.clear();
    done_ = wanted_.load();
    done_.notify_all();
    turn();
  }
  done_ = Order::stop;
  done_.notify_all();
}

void Proxy::turn() {
  std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
  const bool frozen = wanted_ == Order::freeze;
  if (!frozen) {
    waits.push_back({listener_.get(), POLLIN, 0});
    for (const Pair& pair : pairs_) {
      waits.push_back({pair.near.get(), wanted(pair.to_far, pair.to_near), 0});
      waits.push_back({pair.far.get(), wanted(pair.to_near, pair.to_far), 0});
    }
  }
  ::poll(waits.data(), waits.size(), -1);
  if (waits[0].revents != 0) {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count));
  }
  if (frozen) return;
  std::erase_if(pairs_, [this](Pair& pair) { return !pass(pair); });
  if (waits[1].revents != 0) accept_one();
}

// While it is cut, who connects is hung up on.
void Proxy::accept_one() {
  unique_fd near(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!near || wanted_ != Order::pass) return;
  unique_fd far = make_socket();
  const sockaddr_un address = address_of(target_path_);
  if (::connect(far.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  pairs_.push_back({std::move(near), std::move(far), {}, {}});
  ++connections_;
}

bool Proxy::pass(Pair& pair) {
  if (wanted_ == Order::freeze) return true;  // since the pair before it
  if (!take(pair.near.get(), pair.to_far) || !take(pair.far.get(), pair.to_near)) return false;
  const std::size_t before = pair.to_far.size();
  const std::uint64_t left = left_;
  const bool given = give(pair.far.get(), pair.to_far, left);
  const std::size_t passed = before - pair.to_far.size();
  passed_ += passed;
  if (left != UINT64_MAX) left_ = left - passed;
  if (left_ == 0) wanted_ = Order::freeze;
  return given && give(pair.near.get(), pair.to_near, UINT64_MAX);
}

}  // namespace joinery::testing
