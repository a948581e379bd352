// A page of memory that a pool process shares with its supervisor: which job each thread runs and since when.
// Written without a system call, so that the supervisor knows exactly whom a death or a time limit concerns
// even when jobs are fed by the thousand and outcomes come back in batches.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace joinery::pool {

struct BoardSlot {
  std::atomic<std::uint64_t> job{0};         // 0: idle. Written before started_us
  std::atomic<std::uint64_t> started_us{0};  // CLOCK_MONOTONIC microseconds
  std::atomic<std::uint64_t> finished{0};    // jobs finished by this thread so far
  std::array<char, 40> padding{};
};

struct Board {
  static constexpr std::size_t slots_max = 63;
  std::atomic<std::uint32_t> slots{0};  // threads in use
  std::array<char, 60> padding{};
  std::array<BoardSlot, slots_max> threads;
};
static_assert(sizeof(Board) == 4096);

}  // namespace joinery::pool
