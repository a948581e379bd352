// The defaults that a queue has for what a submission does not say.
#include <array>
#include <utility>

#include "shared/job/job.h"

namespace joinery {
namespace {

constexpr std::array<std::string_view, SpecOptions::all> words{
    "attempts",        "crash_attempts", "backoff",  "soft_timeout_ms",
    "hard_timeout_ms", "result_ttl_s",   "no_retry", "jitter"};

bool same_but_for_jitter(Backoff a, const Backoff& b) {
  a.jitter = b.jitter;
  return a == b;
}

}  // namespace

std::string_view word(SpecOption option) { return words[static_cast<std::size_t>(option)]; }

std::optional<SpecOption> spec_option_from_word(std::string_view text) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) return static_cast<SpecOption>(i);
  }
  return std::nullopt;
}

bool says(const Spec& spec, SpecOption option) {
  if (spec.said) return spec.said->has(option);
  static const Spec usual;
  switch (option) {
    case SpecOption::attempts: return spec.attempts != usual.attempts;
    case SpecOption::crash_attempts: return spec.crash_attempts != usual.crash_attempts;
    case SpecOption::backoff: return !same_but_for_jitter(spec.backoff, usual.backoff);
    case SpecOption::soft_timeout_ms: return spec.soft_timeout_ms != usual.soft_timeout_ms;
    case SpecOption::hard_timeout_ms: return spec.hard_timeout_ms != usual.hard_timeout_ms;
    case SpecOption::result_ttl_s: return spec.result_ttl_s != usual.result_ttl_s;
    case SpecOption::no_retry: return spec.no_retry != usual.no_retry;
    case SpecOption::jitter: return spec.backoff.jitter != usual.backoff.jitter;
  }
  return false;
}

void SpecDefaults::complete(Spec& spec) const {
  const auto fill = [&spec](SpecOption option, auto& field, const auto& usual) {
    if (usual && !says(spec, option)) field = *usual;
  };
  fill(SpecOption::attempts, spec.attempts, attempts);
  fill(SpecOption::crash_attempts, spec.crash_attempts, crash_attempts);
  if (backoff) {
    const float jitter = says(spec, SpecOption::jitter) ? spec.backoff.jitter : backoff->jitter;
    if (!says(spec, SpecOption::backoff)) spec.backoff = *backoff;
    spec.backoff.jitter = jitter;
  }
  fill(SpecOption::soft_timeout_ms, spec.soft_timeout_ms, soft_timeout_ms);
  fill(SpecOption::hard_timeout_ms, spec.hard_timeout_ms, hard_timeout_ms);
  fill(SpecOption::result_ttl_s, spec.result_ttl_s, result_ttl_s);
  fill(SpecOption::no_retry, spec.no_retry, no_retry);
  spec.said.reset();
}

Result<> validate(const SpecDefaults& defaults) {
  Spec spec;
  spec.handler = "any";
  defaults.complete(spec);
  if (auto checked = validate(spec); !checked) return checked;
  return validate_together(spec, {});
}

}  // namespace joinery
