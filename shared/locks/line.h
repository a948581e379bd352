// A line of those who wait to be told: what Event, Condition and Barrier are made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"
#include "shared/locks/waiter.h"
#include "shared/manager/owner.h"

namespace joinery::locks {

// For how long one who waits is believed to live; he says so again each half of it.
constexpr std::chrono::milliseconds line_lease{10'000};
inline constexpr const char* line_lease_text = "10000";

class Line {
 public:
  Line(const Manager& on, std::string gate_name) : manager(on), gate(std::move(gate_name)) {
    check_name(gate.substr(gate.find(':') + 1));
  }
  enum class Place : std::uint8_t { waits, event_is_set, was_woken };
  // Those before it are watched if they are known (see watch_owners).
  Place enlist(const Waiter& waiter) const {
    const auto answer =
        call(manager, enlist_script,
             {gate, waiter.id(), manager.owner(), manager.core().process(), line_lease_text}, Repeat::safe);
    watch_owners(manager, std::span(answer.list).subspan(1));
    return static_cast<Place>(answer.list.front().integer);
  }
  // state: "1" sets an event, "0" clears it, "" leaves it. Returns how many of the `most` that it woke were
  // dead already; of all (-1) it does not ask.
  std::int64_t wake(std::int64_t most, Bytes state) const {
    const auto woken = call(manager, wake_script, {gate, std::to_string(most), state},
                            state.empty() ? Repeat::never : Repeat::safe);
    return std::ranges::count_if(woken.list, [&](const redis::Value& process) {
      return process.text != manager.core().process() && manager_detail::has_ended(process.text);
    });
  }
  // What it had been told meanwhile.
  std::string leave(const Waiter& waiter) const {
    return call(manager, leave_script, {gate, waiter.id()}, Repeat::safe).text;
  }

  const Manager manager;
  const std::string gate;
};

}  // namespace joinery::locks
