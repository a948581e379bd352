#include "producer/cli/option_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace joinery::cli {
namespace {

struct Name {
  std::string_view field;   // docs/protocol.md
  std::string_view option;  // of the command line; of capitals: a positional one
  std::string_view part{};  // of what the option says, if it says several things
};

constexpr Name names[] = {
    {"spec.handler", "HANDLER"},
    {"spec.content_type", "content-type"},
    {"spec.attempts", "attempts"},
    {"spec.crash_attempts", "crash-attempts"},
    {"spec.soft_timeout_ms", "timeout-soft"},
    {"spec.hard_timeout_ms", "timeout-hard"},
    {"spec.result_ttl_s", "keep-result"},
    {"spec.ordered", "ordered"},
    {"spec.backoff.initial_ms", "backoff", "the first wait of --backoff"},
    {"spec.backoff.max_ms", "backoff", "the longest wait of --backoff"},
    {"spec.backoff.factor", "backoff", "the factor of --backoff"},
    {"spec.backoff.list_ms", "backoff", "the list of --backoff"},
    {"spec.backoff.jitter", "jitter"},
    {"spec.backoff", "backoff"},
    {"spec.no_retry", "no-retry"},
    {"spec.unique.scope", "unique-scope"},
    {"spec.unique.until", "unique-until"},
    {"spec.unique.ttl_ms", "unique-until", "the time of --unique-until"},
    {"spec.unique.on_conflict", "on-conflict"},
    {"spec.unique", "unique"},
    {"spec.after", "after-any"},
    {"spec.inputs", "inputs"},
    {"columns.priority", "priority"},
    {"columns.delay_ms", "delay"},
    {"columns.run_at_ms", "run-at"},
    {"columns.expires_at_ms", "expires-in"},
    {"columns.deadline_ms", "deadline-in"},
    {"columns.key", "key"},
    {"columns.unique_key", "unique"},
    {"columns.after_batches", "after-batch"},
    {"columns.after", "after"},
    {"options.timeout_ms", "full-timeout"},
    {"options.flow", "name"},
    // Of requests.
    {"queue", "queue"},
    {"batch", "batch"},
    {"parent", "parent"},
    {"name", "NAME"},
    {"schedule", "NAME"},
    {"cron", "cron"},
    {"tz", "tz"},
    {"catch_up", "catch-up"},
    {"catch_up_max", "catch-up-max"},
    {"overlap", "overlap"},
    {"expires_in_ms", "expires-in"},
    {"deadline_in_ms", "deadline-in"},
    {"pattern", "KEY"},
    {"concurrency", "concurrency"},
    {"rate", "rate"},
    {"period_ms", "rate", "the time of --rate"},
    {"burst", "burst"},
    {"interval_ms", "interval"},
    {"weight", "weight"},
    {"mode", "mode"},
    {"durability", "durability"},
    {"maxsize", "maxsize"},
    {"fair", "fair"},
    {"history_bytes", "history-bytes"},
    {"history_age_ms", "history-age"},
    {"run_at_ms", "run-at"},
    {"priority", "priority"},
    {"to", "to"},
    {"error", "error"},
    {"state", "state"},
    {"outcome", "state"},
    {"handler", "handler"},
    {"key", "key"},
    {"grace_ms", "grace"},
    {"accepted_before_ms", "older-than"},
    {"ended_before_ms", "older-than"},
    {"ended_after_ms", "newer-than"},
    {"most", "most"},
    {"why", "reason"},
};

bool is_of_submission(std::string_view field) { return field.find('.') != std::string_view::npos; }

std::string shown(const Name& name) {
  if (!name.part.empty()) return std::string(name.part);
  const bool positional = std::isupper(static_cast<unsigned char>(name.option.front())) != 0;
  return positional ? std::string(name.option) : fmt::format("--{}", name.option);
}

bool is_part_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where the field stands as a word of its own; "spec.unique" is none of "spec.unique.scope".
std::size_t find_word(std::string_view text, std::string_view field, std::size_t from) {
  for (std::size_t at = text.find(field, from); at != text.npos; at = text.find(field, at + 1)) {
    const std::string_view rest = text.substr(at + field.size());
    const bool ends = rest.empty() || !(is_part_of_name(rest[0]) ||
                                        (rest[0] == '.' && rest.size() > 1 && is_part_of_name(rest[1])));
    if (ends && (at == 0 || !is_part_of_name(text[at - 1]))) return at;
  }
  return text.npos;
}

void replace_all(std::string& text, const Name& name) {
  const std::string with = shown(name);
  for (std::size_t at = find_word(text, name.field, 0); at != text.npos;
       at = find_word(text, name.field, at + with.size()))
    text.replace(at, name.field.size(), with);
}

}  // namespace

std::string_view option_of(std::string_view field) {
  const auto* known = std::ranges::find(names, field, &Name::field);
  return known == std::end(names) ? std::string_view() : known->option;
}

std::string field_of(std::string_view message) {
  if (!message.starts_with("--")) return {};
  return std::string(message.substr(2, message.find_first_of(": ,") - 2));
}

Error in_options(Error error, const HasOption& has) {
  const auto* own = std::ranges::find(names, error.field, &Name::field);
  for (const Name& name : names) {
    if (is_of_submission(name.field) && has(name.option)) replace_all(error.message, name);
  }
  if (own == std::end(names) || !has(own->option)) return error;
  const std::string as = shown(*own);
  const bool invalid = error.code == Code::invalid_argument;  // else it begins with what it is about
  if (invalid && find_word(error.message, own->field, 0) == 0)
    error.message.replace(0, own->field.size(), as);
  const bool told = error.message.find(as) != std::string::npos;
  if (!told && (invalid || is_of_submission(own->field)))
    error.message = fmt::format("{}: {}", as, error.message);
  error.field = own->option;
  return error;
}

std::string in_keys(std::string_view message, const std::string& job) {
  std::string out = job + (message.starts_with("--") ? "." : ": ");
  for (;;) {
    const std::size_t at = message.find("--");
    out += message.substr(0, at);
    if (at == message.npos) return out;
    message.remove_prefix(at + 2);
    const auto is_letter = [](char c) {
      return c == '-' || std::islower(static_cast<unsigned char>(c)) != 0;
    };
    std::string word(message.begin(), std::ranges::find_if_not(message, is_letter));
    if (std::ranges::find(names, word, &Name::option) == std::end(names)) {
      out += "--";
      continue;
    }
    message.remove_prefix(word.size());
    std::ranges::replace(word, '-', '_');
    out += word;
  }
}

}  // namespace joinery::cli
