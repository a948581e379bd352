// Durations, sizes and near misses, as people write them.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "shared/config/config.h"

namespace joinery::config {
namespace {

struct Unit {
  std::string_view word;
  std::uint64_t factor;
};

constexpr std::array duration_units{
    Unit{"w", 604'800'000}, Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
    Unit{"m", 60'000},      Unit{"s", 1000},       Unit{"ms", 1},
};
constexpr std::array size_units{
    Unit{"TiB", 1ULL << 40U},
    Unit{"GiB", 1ULL << 30U},
    Unit{"MiB", 1ULL << 20U},
    Unit{"KiB", 1ULL << 10U},
    Unit{"TB", 1'000'000'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"MB", 1'000'000},
    Unit{"KB", 1000},
    Unit{"kB", 1000},
    Unit{"B", 1},
};

// Greatest number of a unit that is taken: keeps sums far from overflow.
constexpr double amount_max = 4e18;

// Takes "1.5" off the front of `text`; negative and exponent forms are not taken.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number, std::chars_format::fixed);
  if (error != std::errc{} || text.front() == '-' || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return number;
}

const Unit* take_unit(std::string_view& text, std::span<const Unit> units) {
  const std::string_view letters = text.substr(0, text.find_first_of("0123456789. "));
  const auto found = std::ranges::find(units, letters, &Unit::word);
  if (found == units.end()) return nullptr;
  text.remove_prefix(letters.size());
  return &*found;
}

std::string trimmed_number(double number) {
  std::string text = fmt::format("{:.3f}", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto wrong = [text] {
    return fail(Code::invalid_config,
                fmt::format("\"{}\" is not a duration such as 250ms, 1.5s, 2m, 1h30m or 7d", text));
  };
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return wrong();
  double total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto number = take_number(rest);
    if (!number) return wrong();
    const Unit* unit = take_unit(rest, duration_units);
    if (unit == nullptr) return wrong();
    total += *number * static_cast<double>(unit->factor);
  }
  if (total > amount_max) return wrong();
  if (total > 0 && total < 1)  // or a limit of so little would be none
    return fail(Code::invalid_config, fmt::format("\"{}\" is shorter than a millisecond", text));
  return std::chrono::milliseconds(std::llround(total));
}

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  Rate rate;
  const std::string_view number = text.substr(0, slash);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rate.number);
  std::string period(slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1));
  if (!period.empty() && (period.front() < '0' || period.front() > '9')) period.insert(0, "1");
  const auto duration = parse_duration(period);
  if (error != std::errc{} || end != number.data() + number.size() || rate.number == 0 || !duration ||
      duration->count() <= 0) {
    return fail(Code::invalid_config,
                fmt::format("\"{}\" is not a rate such as 10/s, 600/m or 5/250ms, of at least 1", text));
  }
  rate.period = *duration;
  return rate;
}

std::string format_duration(std::chrono::milliseconds value) {
  if (value.count() < 0) return "-" + format_duration(-value);
  auto rest = static_cast<std::uint64_t>(value.count());
  if (rest == 0) return "0s";
  if (rest < 1000) return fmt::format("{}ms", rest);
  std::string text;
  for (const Unit& unit : duration_units) {
    if (unit.word == "w" || rest < unit.factor) continue;
    if (unit.word == "s") return text + trimmed_number(static_cast<double>(rest) / 1000) + "s";
    text += fmt::format("{}{}", rest / unit.factor, unit.word);
    rest %= unit.factor;
  }
  return rest == 0 ? text : text + fmt::format("{}ms", rest);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  const auto number = text.empty() ? std::nullopt : take_number(rest);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const Unit* unit = rest.empty() ? &size_units.back() : take_unit(rest, size_units);
  if (!number || unit == nullptr || !rest.empty() || *number * static_cast<double>(unit->factor) > amount_max)
    return fail(Code::invalid_config,
                fmt::format("\"{}\" is not a size such as 4096, 64KiB, 16MiB or 1GB", text));
  // Whole numbers stay exact beyond 2^53.
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), whole);
  if (error == std::errc{} && (end == text.end() || *end != '.')) return whole * unit->factor;
  return static_cast<std::uint64_t>(std::llround(*number * static_cast<double>(unit->factor)));
}

std::string format_size(std::uint64_t value) {
  for (const Unit& unit : size_units)
    if (value >= unit.factor && value % unit.factor == 0 && unit.factor > 1)
      return fmt::format("{}{}", value / unit.factor, unit.word);
  return fmt::format("{}", value);
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(text.size() > 3 ? 2 : 1, text.size() / 3) + 1;
  for (const std::string& word : known) {
    const std::size_t distance = edit_distance(text, word);
    if (distance < best_distance) {
      best_distance = distance;
      best = word;
    }
  }
  return best;
}

}  // namespace joinery::config
