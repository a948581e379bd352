// The flags of `joinery bench`, and which of them a scenario uses.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace joinery::cli::bench {

// What is not given has a default of each scenario's own.
struct Flags {
  std::optional<std::uint64_t> jobs, batch, payload, clients, queues, keys, rate;
  std::uint64_t workers = 1;
  std::uint64_t processes = 2;
  std::uint64_t window = 65'536;
  std::uint64_t seconds = 10;
  std::string durability = "sync";
  std::string mode = "fifo";
  std::string dir = "/var/tmp";
  std::string broker;
  bool tcp = false;
};

// Throws UsageError of a flag that is given and that none of these scenarios uses.
void check_used(const Flags& flags, std::span<const std::string_view> scenarios);
// Throws UsageError unless a stack can be put below --dir.
void check_dir(const Flags& flags);
// Whether the scenario is as large as its targets mean it.
bool full_size(const Flags& flags, std::string_view scenario);

}  // namespace joinery::cli::bench
