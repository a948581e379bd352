#include "broker/timetable/missed.h"

namespace joinery::broker {

std::vector<Firing> firings(const Timetable& table, const Schedule& schedule, Wall next, Wall now) {
  if (next > now) return {};
  const std::size_t most = schedule.catch_up == CatchUp::all ? schedule.catch_up_max : 1;
  std::vector<Wall> due = table.last(next, now, most);
  if (schedule.catch_up == CatchUp::none && now - due.back() > on_time) due.clear();
  const Wall after = table.next(now);
  if (due.empty()) return {{.due = std::nullopt, .next = after}};
  std::vector<Firing> steps;
  for (std::size_t i = 0; i < due.size(); ++i)
    steps.push_back({.due = due[i], .next = i + 1 < due.size() ? due[i + 1] : after});
  return steps;
}

}  // namespace joinery::broker
