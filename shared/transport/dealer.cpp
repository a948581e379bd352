// A client's or worker's socket: one connection that comes back by itself.
#include <algorithm>
#include <random>

#include "shared/transport/dealer_end.h"
#include "shared/transport/endpoint.h"
#include "shared/transport/local_stream.h"

namespace joinery::transport {

Duration jittered(Duration interval) {
  std::random_device seed;
  const double factor = std::uniform_real_distribution(0.75, 1.25)(seed);
  return std::max(Duration(1000),
                  Duration(static_cast<Duration::rep>(factor * static_cast<double>(interval.count()))));
}

struct Dealer::Impl {
  Context& context;
  Options options;
  std::unique_ptr<DealerEnd> end;
};

Dealer::Dealer(Context& context, Options options)
    : impl_(std::make_unique<Impl>(Impl{context, options, nullptr})) {}
Dealer::~Dealer() = default;

Result<> Dealer::connect(const std::string& endpoint) {
  if (auto sound = check_remote(endpoint); !sound) return sound;
  if (is_local(endpoint)) {
    impl_->end = connect_here(impl_->options, endpoint);
    return {};
  }
  auto connected = connect_remote(impl_->context.handle(), impl_->options, endpoint);
  if (!connected) return std::unexpected(connected.error());
  impl_->end = std::move(*connected);
  return {};
}

bool Dealer::receive(Buffer& frame) { return impl_->end && impl_->end->receive(frame); }
Sent Dealer::send(Bytes frame) { return impl_->end ? impl_->end->send(frame) : Sent::gone; }

void Dealer::changes(std::vector<int>& events) {
  events.clear();
  if (impl_->end) impl_->end->changes(events);
}

std::vector<int> Dealer::descriptors() const {
  return impl_->end ? impl_->end->descriptors() : std::vector<int>();
}

}  // namespace joinery::transport
