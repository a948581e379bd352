// A line of those who wait to be told: what Event, Condition and Barrier are made of.
#pragma once

#include <string>

#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"
#include "shared/locks/waiter.h"

namespace joinery::locks {

// For how long one who waits is believed to live; he says so again each half of it.
constexpr std::chrono::milliseconds line_lease{10'000};
inline constexpr const char* line_lease_text = "10000";

class Line {
 public:
  Line(const Manager& on, std::string gate_name) : manager(on), gate(std::move(gate_name)) {
    check_name(gate.substr(gate.find(':') + 1));
  }
  redis::Value enlist(const Waiter& waiter) const {
    return call(manager, enlist_script,
                {gate, waiter.id(), manager.owner(), manager.core().process(), line_lease_text},
                Repeat::safe);
  }
  // state: "1" sets an event, "0" clears it, "" leaves it.
  void wake(std::int64_t most, Bytes state) const {
    call(manager, wake_script, {gate, std::to_string(most), state},
         state.empty() ? Repeat::never : Repeat::safe);
  }
  // What it had been told meanwhile.
  std::string leave(const Waiter& waiter) const {
    return call(manager, leave_script, {gate, waiter.id()}, Repeat::safe).text;
  }

  const Manager manager;
  const std::string gate;
};

}  // namespace joinery::locks
