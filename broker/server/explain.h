// Why is this job not running? One short sentence.
#pragma once

#include <string>

#include "broker/core/core.h"

namespace joinery::broker::server {

// Empty if it runs, or has an outcome other than a dead letter's.
std::string explain(const Core& core, const JobView& job);

}  // namespace joinery::broker::server
