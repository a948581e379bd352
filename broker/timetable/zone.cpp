#include "broker/timetable/zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <fmt/format.h>

#include <algorithm>

namespace joinery::broker {
namespace {

using std::chrono::local_seconds;
using std::chrono::sys_seconds;

// Both count seconds from the first of January 1970.
cctz::civil_second civil(local_seconds local) {
  return cctz::civil_second(1970, 1, 1) + local.time_since_epoch().count();
}
local_seconds local_of(const cctz::civil_second& civil) {
  return local_seconds(std::chrono::seconds(civil - cctz::civil_second(1970, 1, 1)));
}

// The library would open a path, too.
bool is_name(const std::string& name) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.front() != '/' && std::ranges::all_of(name, allowed);
}

}  // namespace

struct Zone::Data {
  cctz::time_zone zone;
};

Result<Zone> Zone::load(const std::string& name) {
  auto data = std::make_shared<Data>();
  if (name.empty()) {
    data->zone = cctz::utc_time_zone();
  } else if (!is_name(name) || !cctz::load_time_zone(name, &data->zone)) {
    return fail(
        Code::invalid_argument,
        fmt::format("tz is \"{}\", expected a time zone of the broker's host, as Europe/Berlin or UTC", name),
        "tz");
  }
  return Zone(std::move(data));
}

local_seconds Zone::local(sys_seconds time) const { return local_of(data_->zone.lookup(time).cs); }

sys_seconds Zone::instant(local_seconds local) const {
  const auto found = data_->zone.lookup(civil(local));
  return found.kind == cctz::time_zone::civil_lookup::SKIPPED ? found.trans : found.pre;
}

std::optional<sys_seconds> Zone::next_change(sys_seconds time) const {
  cctz::time_zone::civil_transition change;
  if (!data_->zone.next_transition(time, &change)) return std::nullopt;
  return data_->zone.lookup(change.to).trans;
}

}  // namespace joinery::broker
