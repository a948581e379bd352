// Specs: each distinct one once.
#include <string>

#include "broker/core/impl.h"

namespace joinery::broker {
namespace {

// Specs that no job uses are kept for those that come soon; far more than one frame can name.
constexpr std::size_t idle_specs_max = 2 * limits::jobs_per_frame_max;

template <typename T>
void add(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void add(std::string& key, const std::string& text) {
  add(key, text.size());
  key.append(text);
}

std::string key_of(const Spec& spec) {
  std::string key;
  add(key, spec.handler);
  add(key, spec.content_type);
  add(key, spec.trace);
  add(key, spec.attempts);
  add(key, spec.crash_attempts);
  add(key, spec.backoff.initial_ms);
  add(key, spec.backoff.max_ms);
  add(key, spec.backoff.factor);
  add(key, spec.backoff.jitter);
  add(key, spec.soft_timeout_ms);
  add(key, spec.hard_timeout_ms);
  add(key, spec.result_ttl_s);
  add(key, spec.result_inline_max);
  add(key, spec.backoff.list_ms.size());
  for (std::uint32_t delay : spec.backoff.list_ms) add(key, delay);
  add(key, spec.no_retry.size());
  for (const std::string& type : spec.no_retry) add(key, type);
  add(key, spec.unique.scope);
  add(key, spec.unique.until);
  add(key, spec.unique.on_conflict);
  add(key, spec.unique.ttl_ms);
  add(key, spec.after);
  add(key, spec.inputs);
  add(key, spec.ordered);
  return key;
}

}  // namespace

SpecId Core::Impl::intern(const Spec& spec, Effects& effects) {
  if (spec_ids.empty()) {  // at first, and after recovery
    for (SpecId id = 0; id < ledger.specs.size(); ++id) spec_ids[key_of(ledger.specs[id].spec)] = id;
  }
  std::string key = key_of(spec);
  if (const auto known = spec_ids.find(key); known != spec_ids.end()) {
    ledger.touch_spec(known->second);
    return known->second;
  }
  auto id = static_cast<SpecId>(ledger.specs.size());
  if (ledger.idle_specs.size() >= idle_specs_max) {
    id = ledger.idle_specs.begin()->second;
    spec_ids.erase(key_of(ledger.specs[id].spec));
  }
  change::DefineSpec define{id, spec};
  define.spec.said.reset();  // of no meaning any more
  record(std::move(define), effects);
  spec_ids[std::move(key)] = id;
  return id;
}

}  // namespace joinery::broker
