// What a verb of `request` is, for the files that have their tables (verbs.cpp, schedule_verbs.cpp).
#pragma once

#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/core.h"
#include "broker/server/outgoing.h"
#include "broker/server/transactor.h"
#include "broker/server/views.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

// What a changing verb asks of the core, and how the answer looks.
struct Plan {
  decltype(Admin::verb) verb;
  DoneAnswer done;
  Transactor::Payloads payloads = {};
};
using Query = Result<protocol::Value> (*)(const Desk& desk, const protocol::Value& given);
using Action = Result<Plan> (*)(const Desk& desk, const protocol::Value& given);

struct Verb {
  std::string_view name;
  std::vector<std::string_view> arguments;
  std::variant<Query, Action> does;
};

// A text of at most a kilobyte; empty if it is absent.
Result<std::string> text_argument(const protocol::Value& given, std::string_view key);
protocol::Value number_value(std::uint64_t number);

std::vector<Verb> schedule_verbs();

}  // namespace joinery::broker::server
