// The default options of a queue, as they come by the verb and in the file, and as they are shown.
#pragma once

#include <string>
#include <vector>

#include "shared/base/error.h"
#include "shared/job/job.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

// Takes over what the map of the verb names; nil takes a default back. Keys and values as in a spec.
Result<> change_defaults(const protocol::Value& map, SpecDefaults& out);
protocol::Value defaults_value(const SpecDefaults& defaults);

// The keys of a table of the file, named as the flags of `joinery submit` are.
const std::vector<std::string>& default_keys();
// REQUIRES: a key of them.
Result<> take_default(const std::string& key, const std::vector<std::string>& values, SpecDefaults& out);

}  // namespace joinery::broker::server
