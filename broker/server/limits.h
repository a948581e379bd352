// Limits of keys as people write them: tables [limit."host:*"] of the file, arguments of verbs, and answers.
#pragma once

#include <string>

#include "broker/core/core.h"
#include "shared/config/config.h"
#include "shared/job/limit.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

// concurrency, rate ("10/s"), burst, interval, weight. Error: invalid_config, with the key.
Result<Limit> limit_of_table(const std::string& pattern, const config::Options::Table& entries);
// The arguments of limit.set. Error: invalid_argument, with the field.
Result<Limit> limit_of_arguments(const protocol::Value& given);
protocol::Value limit_value(const LimitView& view);

}  // namespace joinery::broker::server
