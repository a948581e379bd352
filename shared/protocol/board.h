// Memory that a pool process shares with its supervisor: which jobs it runs and since when, in a slot for
// each that it can run at a time. Of its pages only those are ever touched that have slots in use. Written
// without a system call, so that the supervisor knows exactly whom a death or a time limit concerns even when
// jobs are fed by the thousand and outcomes come back in batches.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace joinery::pool {

struct BoardSlot {
  std::atomic<std::uint64_t> job{0};         // 0: idle
  std::atomic<std::uint64_t> started_us{0};  // CLOCK_MONOTONIC microseconds. Written while job is 0
  std::atomic<std::uint64_t> finished{0};    // jobs finished in this slot so far
  std::array<char, 40> padding{};

  // Each job is begun and ended, so that a reader never sees one job with the start of another.
  void begin(std::uint64_t id, std::uint64_t now_us) {
    started_us.store(now_us, std::memory_order_release);
    job.store(id, std::memory_order_release);
  }
  void end() {
    job.store(0, std::memory_order_release);
    finished.store(finished.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  // {job, started_us}; job 0: idle.
  std::pair<std::uint64_t, std::uint64_t> running() const {
    for (;;) {
      const std::uint64_t before = job.load(std::memory_order_acquire);
      const std::uint64_t started = started_us.load(std::memory_order_acquire);
      if (job.load(std::memory_order_acquire) == before) return {before, started};
    }
  }
};

struct Board {
  static constexpr std::size_t slots_max = 1023;
  std::atomic<std::uint32_t> slots{0};  // in use
  std::array<char, 60> padding{};
  std::array<BoardSlot, slots_max> threads;
};
static_assert(sizeof(Board) == 65'536);

}  // namespace joinery::pool
