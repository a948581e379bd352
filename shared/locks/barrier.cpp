// Barrier: order of arrival, and who opens or breaks it.
#include <fmt/format.h>

#include "shared/locks/line.h"

namespace joinery {
namespace {

using locks::Line;
using locks::Repeat;
using locks::Waiter;

enum class Comes : std::uint8_t { now, before };  // before: it says that it still waits

redis::Value arrive(const Line& line, const Waiter& waiter, std::uint32_t parties, Comes comes) {
  const bool renews = comes == Comes::before;
  return locks::call(line.manager, locks::arrive_script,
                     {line.gate, waiter.id(), line.manager.owner(), line.manager.core().process(),
                      locks::line_lease_text, std::to_string(parties), renews ? "1" : "0"},
                     renews ? Repeat::safe : Repeat::never);
}

std::string change(const Line& line, Bytes verb, Bytes id = {}) {
  return locks::call(line.manager, locks::barrier_script, {line.gate, verb, id}, Repeat::safe).text;
}

constexpr auto by_another = "another party timed out, died, aborted or reset it";
constexpr auto too_late = "this party's timeout has passed, and not all have come";
constexpr auto lost_redis = "the connection to Redis broke while this party waited";

std::span<const redis::Value> others(const redis::Value& arrived) {
  return std::span(arrived.list).subspan(2);
}

[[noreturn]] void broken_barrier(const char* how) {
  throw BrokenBarrierError(fmt::format("the barrier is broken: {}", how));
}

// The last to arrive: those who came before him may have died since.
void open(const Line& line, std::span<const redis::Value> others, const std::function<void()>& action) {
  const std::string& process = line.manager.core().process();
  const bool one_died = std::ranges::any_of(others, [&](const redis::Value& other) {
    return other.text != process && manager_detail::has_ended(other.text);
  });
  if (one_died) {
    change(line, "abort");
    broken_barrier(by_another);
  }
  try {
    if (action) action();
  } catch (...) {
    change(line, "abort");
    throw;
  }
  if (change(line, "open") == "broken") broken_barrier(by_another);
}

}  // namespace

Barrier::Barrier(const Manager& manager, std::string name, std::uint32_t parties,
                 std::function<void()> action, locks::Timeout timeout)
    : line_(std::make_unique<Line>(manager, "barrier:" + std::move(name))),
      parties_(parties),
      action_(std::move(action)),
      timeout_(timeout) {
  if (parties == 0) throw ValueError("parties: expected at least 1");
}
Barrier::~Barrier() = default;

std::uint32_t Barrier::wait(locks::Timeout timeout) {
  const Mono deadline = locks::deadline_of(timeout ? timeout : timeout_);
  Waiter waiter(line_->manager);
  const auto answer = arrive(*line_, waiter, parties_, Comes::now);
  const std::int64_t order = answer.list.at(0).integer;
  if (order == -1) broken_barrier("it was before this party came, and has not been reset");
  if (order == -2) {
    throw ValueError(
        fmt::format("parties: the barrier was made for {}, not {}", answer.list.at(1).integer, parties_));
  }
  if (order == static_cast<std::int64_t>(parties_) - 1) {
    open(*line_, others(answer), action_);
    return parties_ - 1;
  }
  locks::watch_owners(line_->manager, others(answer));
  for (;;) {
    const auto wake = waiter.sleep(locks::line_lease / 2, deadline);
    std::string word = wake == Waiter::Wake::told ? waiter.word() : "";
    // Late, or perhaps told without hearing it.
    if (wake == Waiter::Wake::lost || (word.empty() && read_clocks().mono >= deadline)) {
      word = change(*line_, "late", waiter.id());
      if (word.empty()) broken_barrier(wake == Waiter::Wake::lost ? lost_redis : too_late);
    }
    if (word == "broken") broken_barrier(by_another);
    if (!word.empty()) return static_cast<std::uint32_t>(order);
    const auto renewed = arrive(*line_, waiter, parties_, Comes::before);
    if (renewed.list.at(0).integer == -1) broken_barrier(by_another);
    locks::watch_owners(line_->manager, others(renewed));
  }
}

void Barrier::abort() { change(*line_, "abort"); }
void Barrier::reset() { change(*line_, "reset"); }

std::uint32_t Barrier::n_waiting() const {
  const auto state = locks::call(line_->manager, locks::barrier_state_script, {line_->gate}, Repeat::safe);
  return static_cast<std::uint32_t>(state.list.at(0).integer);
}

bool Barrier::broken() const {
  const auto state = locks::call(line_->manager, locks::barrier_state_script, {line_->gate}, Repeat::safe);
  return state.list.at(1).integer == 1;
}

}  // namespace joinery
