#include "tests/soak/usage.h"

#include <fmt/format.h>

#include <algorithm>

namespace joinery::soak {

using std::chrono::seconds;

void Series::add(seconds at, std::uint64_t value) {
  if (value != 0) samples_.push_back({at, value});
}

std::vector<std::uint64_t> Series::values(seconds from, seconds to) const {
  std::vector<std::uint64_t> values;
  for (const Sample& sample : samples_) {
    if (sample.at >= from && sample.at < to) values.push_back(sample.value);
  }
  return values;
}

std::uint64_t Series::most(seconds from, seconds to) const {
  const auto all = values(from, to);
  return all.empty() ? 0 : std::ranges::max(all);
}

std::uint64_t Series::usual_most(seconds from, seconds to) const {
  auto all = values(from, to);
  if (all.empty()) return 0;
  const auto at = all.end() - 1 - static_cast<std::ptrdiff_t>(all.size() / 20);
  std::ranges::nth_element(all, at);
  return *at;
}

bool Series::is_bounded() const {
  if (samples_.empty()) return false;
  const seconds end = samples_.back().at + seconds(1);
  const std::uint64_t before = usual_most(seconds(0), end / 2);
  return usual_most(end / 2, end) <= before + before / 10 + slack_;
}

double Series::growth_per_hour() const {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Sample& sample : samples_) {
    if (sample.at * 2 < samples_.back().at) continue;
    const double at = static_cast<double>(sample.at.count()), value = static_cast<double>(sample.value);
    n += 1, x += at, y += value, xx += at * at, xy += at * value;
  }
  const double spread = n * xx - x * x;
  return spread <= 0 ? 0 : (n * xy - x * y) / spread * 3600;
}

std::string Series::row(std::size_t parts) const {
  std::string text = fmt::format("{:34}", name_);
  const seconds end = samples_.empty() ? seconds(0) : samples_.back().at + seconds(1);
  for (std::size_t part = 0; part < parts; ++part) {
    const auto edge = [&](std::size_t n) {
      return seconds(end.count() * static_cast<long>(n) / static_cast<long>(parts));
    };
    text += fmt::format(" {:6}", most(edge(part), edge(part + 1)) / unit_);
  }
  return text + fmt::format(" {:+8.1f}  {}\n", growth_per_hour() / static_cast<double>(unit_),
                            is_bounded() ? "bounded" : "GROWS");
}

}  // namespace joinery::soak
