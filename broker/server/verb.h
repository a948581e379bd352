// What a verb of `request` is, for the files that have their tables (verbs.cpp, schedule_verbs.cpp).
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/core.h"
#include "broker/server/outgoing.h"
#include "broker/server/transactor.h"
#include "broker/server/views.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

// What a changing verb asks of the core, and how the answer looks. Where something else than the request
// itself stands against it, it asks for Refuse: a repeated request is answered as it was, whatever has become
// since of what it is about.
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
// One of a few words, if it is there. invalid_argument names it and what was `expected`.
template <typename T>
Result<> take_word(const protocol::Value& given, std::string_view key,
                   std::optional<T> (*from_word)(std::string_view), std::string_view expected, T& out) {
  const Result<std::string_view> name = given.str_or(key, {});
  if (!name) return std::unexpected(name.error());
  if (given.find(key) == nullptr) return {};
  const std::optional<T> value = from_word(*name);
  if (value) return out = *value, Result<>{};
  return fail(Code::invalid_argument, fmt::format("{} is '{}'; expected {}", key, *name, expected),
              std::string(key));
}

std::vector<Verb> schedule_verbs();

}  // namespace joinery::broker::server
