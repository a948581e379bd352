#include "broker/server/restore.h"

namespace joinery::broker::server {

SessionId Restore::id() const {
  const auto half = [this](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + 8; ++i)
      value = value << 8U | static_cast<unsigned char>(opened_.id[i]);
    return value;
  };
  return {half(0), half(8)};
}

std::uint64_t retain_all(const Core& core, Journal& journal) {
  std::uint64_t jobs = 0;
  core.each_payload([&](JobId, Place place) {
    journal.retain(place);
    ++jobs;
  });
  return jobs;
}

}  // namespace joinery::broker::server
