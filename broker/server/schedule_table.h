// A table [schedule.NAME] of the file as a schedule.
#pragma once

#include <string>
#include <vector>

#include "shared/config/config.h"
#include "shared/job/schedule.h"

namespace joinery::broker::server {

const std::vector<std::string>& schedule_keys();
// Errors: invalid_config, with the key.
Result<Schedule> schedule_of_table(const std::string& name, const config::Options::Table& entries);

}  // namespace joinery::broker::server
