// Keys of jobs, and what may be limited by them.
//
// A key has one to four levels, outermost first, with '/' between them: "tenant:a/host:example.org". Limits
// apply to its nodes: each level by itself ("tenant:a", and "host:example.org" whichever tenant it is in),
// and each path from the outermost one ("tenant:a/host:example.org").
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/error.h"

namespace joinery {

// What the jobs of one node may do at a time, for every node that the pattern matches: each has its own
// count. '*' in a pattern stands for any text within a level.
struct Limit {
  std::string pattern;
  std::uint32_t concurrency = 0;  // running at a time; 0: as many as there are
  std::uint32_t rate = 0;         // starts per period; 0: not limited
  std::uint64_t period_ms = 1000;
  std::uint32_t burst = 1;        // starts at once after a pause, at most
  std::uint64_t interval_ms = 0;  // between two starts, at least
  std::uint32_t weight = 1;       // share of its jobs in queues that are fair
  bool operator==(const Limit&) const = default;
};

// What a running handler asks for one node of keys: "host:example.org".
struct KeyHold {
  std::string key;
  // From now on so long between two starts, at least; 0: as its limit says. Holds until it is asked for
  // again, or nobody did for a day.
  std::optional<std::uint64_t> interval_ms;
  std::optional<std::int64_t> until_ms;  // Unix milliseconds: nothing of it starts before
  bool operator==(const KeyHold&) const = default;
};

namespace limits {
constexpr std::size_t key_levels_max = 4;
constexpr std::int64_t hold_until_max_ms = std::int64_t{253'402'300'800'000};  // the year 10000
constexpr std::uint64_t limit_time_max_ms = std::uint64_t{366} * 24 * 3'600'000;
constexpr std::uint32_t weight_max = 1000;
}  // namespace limits

// One to four levels, none empty. `field` is what the error calls it.
Result<> validate_key(std::string_view key, std::string_view field);
// The error names the field: "pattern", "period_ms", ...
Result<> validate(const Limit& limit);
Result<> validate(const KeyHold& hold);

bool has_wildcard(std::string_view pattern);
bool matches(std::string_view pattern, std::string_view node);

std::string_view outermost(std::string_view key);

// Calls `see` with each node of the key: for "a/b/c" a, b, c, a/b, a/b/c. At most 2 * key_levels_max - 1.
template <typename F>
void each_node(std::string_view key, F&& see) {
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    see(key.substr(begin, end - begin));
    if (begin != 0) see(key.substr(0, end));
    begin = end + 1;
  }
}

}  // namespace joinery
