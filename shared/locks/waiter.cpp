#include "shared/locks/waiter.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/locks/release_owner.h"
#include "shared/locks/scripts.h"

namespace joinery::locks {

Mono deadline_of(const Timeout& timeout) {
  if (!timeout) return never_mono;
  const Mono now = read_clocks().mono;
  constexpr Seconds year(365.0 * 24 * 3600);
  if (*timeout >= year) return never_mono;
  return now + std::chrono::ceil<Duration>(std::max(*timeout, Seconds(0)));
}

Waiter::Waiter(const Manager& manager)
    : manager_(manager), id_(manager.core().next_id()), key_(wake_key(manager.key_prefix(), id_)) {}

Waiter::Wake Waiter::sleep(Duration period, Mono deadline) {
  const Mono now = read_clocks().mono;
  if (deadline != never_mono) period = std::min(period, deadline - now);
  if (period <= Duration(0)) return Wake::nothing;
  auto connection = manager_.core().borrow();
  connection->set_timeout(period + manager_.core().timeout());
  const double seconds = std::max(std::chrono::duration<double>(period).count(), 0.001);
  const auto reply = connection->command({"BLPOP", key_, fmt::format("{:.3f}", seconds)});
  if (!reply || reply->kind == redis::Value::Kind::error) {
    connection.broken();
    return Wake::lost;
  }
  connection->set_timeout(manager_.core().timeout());
  if (reply->list.size() != 2) return Wake::nothing;
  word_ = reply->list[1].text;
  return Wake::told;
}

void watch_owners(const Manager& manager, std::span<const redis::Value> owners) {
  auto& core = manager.core();
  for (const redis::Value& owner : owners) {
    if (owner.text == core.process()) continue;
    core.keeper().watch(owner.text,
                        [name = owner.text, name_space = core.name_space()](redis::Client& redis) {
                          return release_owner(redis, name_space, name).has_value();
                        });
  }
}

}  // namespace joinery::locks
