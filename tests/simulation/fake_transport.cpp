// shared/transport/transport.h over the simulated network. It takes the place of the real one at link time,
// so that the broker's and the worker's own code is what runs.
#include <sys/random.h>

#include "shared/base/check.h"
#include "shared/transport/transport.h"
#include "tests/simulation/network.h"

namespace joinery::transport {

using simulation::Here;

struct Context::Impl {
  Here here;
};
Context::Context(int) : impl_(new Impl{simulation::here}) {}
Context::~Context() = default;
void* Context::handle() const { return &impl_->here; }

namespace {
int number(const Address& address) { return std::stoi(address); }
}  // namespace

struct Router::Impl {
  Here at;
  std::size_t queue_max;
  ~Impl() { at.network->unbind(); }
};
Router::Router(Context& context, Options options) {
  impl_.reset(new Impl{*static_cast<Here*>(context.handle()), static_cast<std::size_t>(options.queue_max)});
}
Router::~Router() = default;

Result<std::string> Router::bind(const std::string& endpoint) {
  impl_->at.network->bind(impl_->at.node);
  return endpoint;
}
bool Router::receive(Address& from, Buffer& frame, ConnectionNumber& connection) {
  int number = 0;
  if (!impl_->at.network->take_at_router(number, frame)) return false;
  connection = number;
  from = std::to_string(number);
  return true;
}
Sent Router::send(const Address& to, Bytes frame) {
  const auto sent = impl_->at.network->to_dealer(number(to), frame, impl_->queue_max);
  return !sent ? Sent::gone : *sent ? Sent::yes : Sent::full;
}
void Router::lost(std::vector<ConnectionNumber>& connections) {
  for (int id = 0; impl_->at.network->take_lost(id);) connections.push_back(id);
}
void Router::also_wait_for(int) {}
void Router::wait(Duration, std::vector<int>&) {}  // the simulation knows when something comes
std::vector<int> Router::descriptors() const { return {}; }

struct Dealer::Impl {
  Here at;
  int connection = 0;
  ~Impl() {
    if (connection != 0) at.network->leave(connection);
  }
};
Dealer::Dealer(Context& context, Options) { impl_.reset(new Impl{*static_cast<Here*>(context.handle())}); }
Dealer::~Dealer() = default;

Result<> Dealer::connect(const std::string&) {
  JOINERY_CHECK(impl_->connection == 0);
  impl_->connection = impl_->at.network->connect(impl_->at.node);
  return {};
}
bool Dealer::receive(Buffer& frame) { return impl_->at.network->take_at_dealer(impl_->connection, frame); }
Sent Dealer::send(Bytes frame) {
  return impl_->at.network->to_router(impl_->connection, frame) ? Sent::yes : Sent::gone;
}
void Dealer::changes(std::vector<int>& events) {
  while (const int change = impl_->at.network->take_change(impl_->connection)) events.push_back(change);
}
std::vector<int> Dealer::descriptors() const { return {impl_->connection}; }

}  // namespace joinery::transport

namespace joinery::simulation {
namespace {
Random system_random(1);
}
void seed_system(std::uint64_t seed) { system_random = Random(seed); }
}  // namespace joinery::simulation

// What the programs take for session ids. It takes the place of the C library's.
extern "C" ssize_t getrandom(void* to, size_t size, unsigned) {
  auto* bytes = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<unsigned char>(joinery::simulation::system_random.next());
  return static_cast<ssize_t>(size);
}
