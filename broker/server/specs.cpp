#include "broker/server/specs.h"

#include "shared/protocol/codec.h"

namespace joinery::broker::server {

Result<SpecId> SpecBook::find(Bytes raw, std::string_view queue, Effects& effects) {
  auto known = decoded_.find(raw);
  if (known == decoded_.end()) {
    Result<Spec> spec = protocol::decode_spec(raw);
    if (!spec) return std::unexpected(std::move(spec.error()));
    if (decoded_.size() >= decoded_max) decoded_.clear();
    known = decoded_.emplace(raw, std::move(*spec)).first;
  }
  if (core_.defaults_of(queue) != nullptr) return intern(known->second, queue, effects);
  const SpecId id = core_.intern(known->second, effects);
  remember(id, raw);
  return id;
}

SpecId SpecBook::intern(Spec spec, std::string_view queue, Effects& effects) {
  if (const SpecDefaults* defaults = core_.defaults_of(queue)) defaults->complete(spec);
  spec.said.reset();
  const SpecId id = core_.intern(spec, effects);
  Buffer encoded;
  protocol::encode_spec(spec, encoded);
  remember(id, encoded);
  return id;
}

Bytes SpecBook::raw(SpecId id) {
  // Unknown here: it comes from the journal, or from the children of a finish.
  if (id >= raw_.size() || raw_[id].empty()) {
    Buffer encoded;
    protocol::encode_spec(core_.spec(id), encoded);
    remember(id, encoded);
  }
  return raw_[id];
}

void SpecBook::remember(SpecId id, Bytes raw) {
  if (id >= raw_.size()) raw_.resize(id + 1);
  if (raw_[id] != raw) raw_[id].assign(raw);
}

}  // namespace joinery::broker::server
