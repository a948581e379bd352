// The broker's socket: by ZeroMQ for other hosts, by itself for this one.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "shared/base/check.h"
#include "shared/transport/endpoint.h"
#include "shared/transport/local_router.h"
#include "shared/transport/remote_router.h"

namespace joinery::transport {
namespace {

// REQUIRES: is_local(). What is at its path is unlinked before it is bound: see that nobody lives there.
Result<> check_path(const std::string& endpoint) {
  const std::string path = path_of_local(endpoint);
  struct stat found {};
  if (path.empty() || ::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Code::invalid_argument,
                fmt::format("endpoint {}: {} exists and is not a socket", endpoint, path), "endpoint");
  }
  const bool connected = static_cast<bool>(connect_local(endpoint));
  if (connected || errno == EAGAIN) {
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

}  // namespace

struct Router::Impl {
  Impl(Context& of, const Options& with) : context(of), options(with), poll(::epoll_create1(EPOLL_CLOEXEC)) {
    JOINERY_CHECK(poll);
  }

  Context& context;
  Options options;
  unique_fd poll;  // of all descriptors that are waited for
  ConnectionNumber last_connection = 0;
  std::optional<LocalRouter> local;
  std::optional<RemoteRouter> remote;
  bool remote_first = false;
};

Router::Router(Context& context, Options options) : impl_(std::make_unique<Impl>(context, options)) {}
Router::~Router() = default;

Result<std::string> Router::bind(const std::string& endpoint) {
  if (auto sound = check_local(endpoint); !sound) return std::unexpected(sound.error());
  Impl& impl = *impl_;
  if (is_local(endpoint)) {
    if (auto free = check_path(endpoint); !free) return std::unexpected(free.error());
    if (!impl.local) impl.local.emplace(impl.options, impl.poll.get(), impl.last_connection);
    if (!impl.local->bind(endpoint)) return std::unexpected(bind_error(endpoint, errno));
    return endpoint;
  }
  if (!impl.remote) {
    impl.remote.emplace(impl.context.handle(), impl.options, impl.last_connection);
    for (const int descriptor : impl.remote->descriptors()) also_wait_for(descriptor);
  }
  if (!impl.remote->bind(endpoint)) return std::unexpected(bind_error(endpoint, errno));
  return impl.remote->last_endpoint();
}

bool Router::receive(Address& from, Buffer& frame, ConnectionNumber& connection) {
  auto local = [&] { return impl_->local && impl_->local->receive(from, frame, connection); };
  auto remote = [&] { return impl_->remote && impl_->remote->receive(from, frame, connection); };
  impl_->remote_first = !impl_->remote_first;  // neither keeps the other waiting
  return impl_->remote_first ? remote() || local() : local() || remote();
}

Sent Router::send(const Address& to, Bytes frame) {
  if (LocalRouter::ours(to)) return impl_->local ? impl_->local->send(to, frame) : Sent::gone;
  return impl_->remote ? impl_->remote->send(to, frame) : Sent::gone;
}

void Router::lost(std::vector<ConnectionNumber>& connections) {
  connections.clear();
  if (impl_->local) impl_->local->lost(connections);
  if (impl_->remote) impl_->remote->lost(connections);
}

void Router::also_wait_for(int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = other_event | static_cast<std::uint32_t>(descriptor)}};
  JOINERY_CHECK(::epoll_ctl(impl_->poll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void Router::wait(Duration limit, std::vector<int>& others) {
  timespec time{};
  time.tv_sec = limit / std::chrono::seconds(1);
  time.tv_nsec = (limit % std::chrono::seconds(1)) / std::chrono::nanoseconds(1);
  std::array<epoll_event, 64> events{};
  const int most = static_cast<int>(events.size());
  const bool for_ever = limit == Duration::max();
  int number = ::epoll_pwait2(impl_->poll.get(), events.data(), most, for_ever ? nullptr : &time, nullptr);
  if (number < 0 && (errno == ENOSYS || errno == EPERM)) {  // an older kernel, or a container that forbids it
    constexpr Duration longest = std::chrono::hours(1);
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::min(limit, longest));
    number =
        ::epoll_wait(impl_->poll.get(), events.data(), most, for_ever ? -1 : static_cast<int>(ms.count()));
  }
  JOINERY_CHECK(number >= 0 || errno == EINTR);
  others.clear();
  for (int i = 0; i < number; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 >= other_event) {
      others.push_back(static_cast<int>(event.data.u64 & 0xFFFF'FFFF));
    } else {
      impl_->local->happened(event.data.u64, event.events);
    }
  }
  if (impl_->local && number >= 0) impl_->local->looked();
}

std::vector<int> Router::descriptors() const { return {impl_->poll.get()}; }

}  // namespace joinery::transport
