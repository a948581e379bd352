#include "worker/handlers/registry.h"

#include <algorithm>

namespace joinery {
namespace {

KeyHold checked(KeyHold hold) {
  if (const auto valid = validate(hold); !valid) throw std::invalid_argument(valid.error().message);
  return hold;
}

}  // namespace

void JobContext::set_delay(std::string_view key, std::chrono::milliseconds delay) {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 0));
  hold(checked({.key = std::string(key), .interval_ms = ms, .until_ms = {}}));
}

// Rounded up: not a moment early. What is beyond all calendars is cut off.
void JobContext::block_until(std::string_view key, Wall time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time.time_since_epoch()).count();
  hold(checked({.key = std::string(key),
                .interval_ms = {},
                .until_ms = std::clamp<std::int64_t>(ms, 0, limits::hold_until_max_ms)}));
}

}  // namespace joinery

namespace joinery::handlers {

void Registry::add(std::string name, Handler handler) {
  const bool empty = !handler;
  add_any(std::move(name), std::move(handler), empty);
}

void Registry::add(std::string name, WaitingHandler handler) {
  const bool empty = !handler;
  add_any(std::move(name), std::move(handler), empty);
}

void Registry::add_any(std::string name, Any handler, bool empty) {
  if (auto valid = validate_name(name, "handler"); !valid) throw std::invalid_argument(valid.error().message);
  if (empty) throw std::invalid_argument("handler \"" + name + "\" is an empty function");
  const auto [at, added] = handlers_.try_emplace(std::move(name), std::move(handler));
  if (!added) throw std::invalid_argument("handler \"" + at->first + "\" is there twice");
}

void Registry::initialize(std::function<void()> call) { initializers_.push_back(std::move(call)); }

template <typename Kind>
const Kind* Registry::find_kind(std::string_view name) const {
  const auto at = handlers_.find(name);
  return at == handlers_.end() ? nullptr : std::get_if<Kind>(&at->second);
}

const Handler* Registry::find(std::string_view name) const { return find_kind<Handler>(name); }
const WaitingHandler* Registry::find_waiting(std::string_view name) const {
  return find_kind<WaitingHandler>(name);
}

bool Registry::some_wait() const {
  return std::ranges::any_of(
      handlers_, [](const auto& each) { return std::holds_alternative<WaitingHandler>(each.second); });
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, handler] : handlers_) names.push_back(name);
  return names;
}

void Registry::run_initializers() const {
  for (const auto& call : initializers_) call();
}

}  // namespace joinery::handlers
