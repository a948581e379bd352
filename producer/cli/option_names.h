// What a user calls the fields of the wire that the broker's refusals name: one table for all commands.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "shared/base/error.h"

namespace joinery::cli {

// "timeout-soft" for "spec.soft_timeout_ms", "KEY" for "pattern"; empty: nothing that a user can say.
std::string_view option_of(std::string_view field);

// The option that a message begins with: "jitter" of "--jitter: ...". Empty: none.
std::string field_of(std::string_view message);

// The same error about options: its field is the option's name, and its message has "--timeout-soft" instead
// of "spec.soft_timeout_ms". Fields of options that the command does not have stay as they are.
using HasOption = std::function<bool(std::string_view option)>;
Error in_options(Error error, const HasOption& has);

// "--unique-scope: ..." as "jobs.a.unique_scope: ...": a job of a flow has keys instead of options.
std::string in_keys(std::string_view message, const std::string& job);

}  // namespace joinery::cli
