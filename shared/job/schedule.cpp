#include "shared/job/schedule.h"

#include <fmt/format.h>

#include <array>

#include "shared/job/job.h"

namespace joinery {
namespace {

constexpr std::array<std::string_view, 3> catch_ups{"none", "last", "all"};
constexpr std::array<std::string_view, 4> overlaps{"allow", "skip", "queue", "replace"};
constexpr std::uint64_t century_ms = std::uint64_t{100} * 365 * 24 * 3'600'000;

template <typename E, std::size_t N>
std::optional<E> value_of(const std::array<std::string_view, N>& words, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (words[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view word(CatchUp catch_up) { return catch_ups[static_cast<std::size_t>(catch_up)]; }
std::string_view word(Overlap overlap) { return overlaps[static_cast<std::size_t>(overlap)]; }
std::optional<CatchUp> catch_up_from_word(std::string_view text) {
  return value_of<CatchUp>(catch_ups, text);
}
std::optional<Overlap> overlap_from_word(std::string_view text) { return value_of<Overlap>(overlaps, text); }

Result<> validate(const Schedule& schedule) {
  if (auto name = validate_name(schedule.name, "schedule"); !name) return name;
  if (schedule.cron.size() > limits::cron_bytes)
    return fail(
        Code::invalid_argument,
        fmt::format("cron has {} bytes, expected at most {}", schedule.cron.size(), limits::cron_bytes),
        "cron");
  if (schedule.catch_up_max == 0 || schedule.catch_up_max > limits::catch_up_max)
    return fail(
        Code::invalid_argument,
        fmt::format("catch_up_max is {}, expected 1 to {}", schedule.catch_up_max, limits::catch_up_max),
        "catch_up_max");
  if (schedule.group.size() > limits::schedule_bytes)
    return fail(Code::payload_too_large,
                fmt::format("a schedule has {} bytes to submit, expected at most {}", schedule.group.size(),
                            limits::schedule_bytes),
                "group");
  for (const auto& [field, time] : {std::pair("expires_in_ms", schedule.expires_in_ms),
                                    std::pair("deadline_in_ms", schedule.deadline_in_ms)}) {
    if (time > century_ms)
      return fail(Code::invalid_argument,
                  fmt::format("{} is {}, expected at most a hundred years", field, time), field);
  }
  return {};
}

}  // namespace joinery
