#include "producer/client/prefetch.h"

#include <algorithm>

namespace joinery::client {
namespace {

constexpr double busy_us_max = 1e6;
constexpr double weight = 0.125;
constexpr std::uint32_t first_window = 4;

}  // namespace

void Prefetch::used(Duration busy, std::size_t items) {
  if (never_ || items == 0) return;
  const double each = std::min(static_cast<double>(busy.count()) / static_cast<double>(items), busy_us_max);
  busy_us_ = measured_ ? busy_us_ + (each - busy_us_) * weight : each;
  measured_ = true;
  window_ = std::min(window_, target());
}

std::uint32_t Prefetch::target() const {
  if (never_ || !measured_) return 0;
  const double fits = static_cast<double>(ahead.count()) / std::max(busy_us_, 1.0);
  return static_cast<std::uint32_t>(std::min(fits, static_cast<double>(most)));
}

void Prefetch::filled() { window_ = std::min(target(), std::max(first_window, window_ * 2)); }

void Prefetch::unused() {
  window_ = 0;
  busy_us_ = busy_us_max;
}

}  // namespace joinery::client
