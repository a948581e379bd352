#include "producer/cli/arguments.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <utility>

#include "producer/cli/human.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

template <typename T>
T whole_number(const std::string& text, T least, T most) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number < least || number > most)
    throw CLI::ValidationError(
        most == std::numeric_limits<T>::max()
            ? least == std::numeric_limits<T>::min() && least != 0
                  ? fmt::format("\"{}\" is not a whole number of 64 bits", text)
                  : fmt::format("\"{}\" is not a whole number from {}", text, least)
            : fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
  return number;
}

template <typename T>
T checked(Result<T> parsed) {
  if (!parsed) throw CLI::ValidationError(parsed.error().message);
  return *parsed;
}

}  // namespace

// The one place where CLI11 is given what takes a value. Its way to lists, allow_extra_args, also splits what
// stands in brackets ("[a,b]" becomes "a" and "b"), and nothing that a user types may be split. So it is off
// everywhere, and a list of positionals is one that wants more values than there can be: with the policy
// TakeAll, nobody minds that it gets fewer.
CLI::Option* Arguments::add(const std::string& names, const std::string& help, bool is_list,
                            const std::function<void(const std::string&)>& set) {
  const CLI::callback_t take_each = [set](const CLI::results_t& texts) {
    std::ranges::for_each(texts, set);
    return true;
  };
  CLI::Option* option = app_.add_option(names, take_each, help);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  constexpr int unlimited = CLI::detail::expected_max_vector_size;
  if (is_list) option->expected(unlimited, unlimited);
  return option->allow_extra_args(false);
}

void Arguments::take(const std::string& names, const std::string& help, const std::string& hint,
                     const std::string& shown, const std::function<void(const std::string&)>& set,
                     bool repeats) {
  const auto named = [set, repeats, flag = names.substr(names.rfind(',') + 1),
                      given = false](const std::string& text) mutable {
    if (std::exchange(given, true) && !repeats)
      throw CLI::ValidationError(fmt::format("{} is given twice", flag));
    try {
      set(text);
    } catch (const CLI::ValidationError& error) {
      throw CLI::ValidationError(fmt::format("{}: {}", flag, error.what()));
    }
  };
  add(names, help, false, named)->type_name(hint)->default_str(shown);
}

void Arguments::positional(const std::string& name, std::string& value, const std::string& help) {
  add(name, help, false, [&value](const std::string& text) { value = text; })->required()->type_name("");
}

void Arguments::optional_positional(const std::string& name, std::string& value, const std::string& help) {
  add(name, help, false, [&value](const std::string& text) { value = text; })->type_name("");
}

void Arguments::positionals(const std::string& name, std::vector<std::string>& values,
                            const std::string& help) {
  add(name, help, true, [&values](const std::string& text) { values.push_back(text); })->type_name("");
}

void Arguments::jobs(std::vector<JobId>& values, bool required, const std::string& help) {
  const auto read = [&values](const std::string& text) {
    try {
      values.push_back(whole_number<JobId>(text, 1, UINT64_MAX));
    } catch (const CLI::ValidationError&) {
      throw CLI::ValidationError(fmt::format("JOB: \"{}\" is not the id of a job", text));
    }
  };
  add("JOB", help, true, read)->required(required)->type_name("");
}

void Arguments::flag(const std::string& names, bool& value, const std::string& help) {
  app_.add_flag(names, value, help);
}

void Arguments::option(const std::string& names, std::string& value, const std::string& help,
                       const std::string& hint) {
  take(names, help, hint, value, [&value](const std::string& text) {
    if (text.empty()) throw CLI::ValidationError("expected a value, not an empty text");
    value = text;
  });
}

void Arguments::option(const std::string& names, std::optional<std::string>& value, const std::string& help,
                       const std::string& hint) {
  take(names, help, hint, "", [&value](const std::string& text) { value = text; });
}

void Arguments::option(const std::string& names, std::vector<std::string>& values, const std::string& help,
                       const std::string& hint) {
  constexpr bool repeats = true;
  take(
      names, help, hint, "", [&values](const std::string& text) { values.push_back(text); }, repeats);
}

void Arguments::option(const std::string& names, std::optional<milliseconds>& value,
                       const std::string& help) {
  take(names, help, "DURATION", value ? config::format_duration(*value) : "",
       [&value](const std::string& text) { value = checked(parse_span(text)); });
}

void Arguments::option(const std::string& names, std::optional<Wall>& value, const std::string& help) {
  take(names, help, "TIME", "", [&value](const std::string& text) { value = checked(parse_time(text)); });
}

void Arguments::option(const std::string& names, std::uint64_t& value, const std::string& help,
                       std::uint64_t least, std::uint64_t most) {
  take(names, help, "NUMBER", value == 0 ? "" : fmt::format("{}", value),
       [&value, least, most](const std::string& text) { value = whole_number(text, least, most); });
}

void Arguments::option(const std::string& names, std::optional<std::uint64_t>& value, const std::string& help,
                       std::uint64_t least, std::uint64_t most) {
  take(names, help, "NUMBER", "",
       [&value, least, most](const std::string& text) { value = whole_number(text, least, most); });
}

void Arguments::option(const std::string& names, std::int64_t& value, const std::string& help) {
  take(names, help, "NUMBER", "",
       [&value](const std::string& text) { value = whole_number<std::int64_t>(text, INT64_MIN, INT64_MAX); });
}

void Arguments::examples(const std::string& text) { app_.footer("Examples:\n" + text); }

}  // namespace joinery::cli
