#include "broker/server/specs.h"

#include "shared/protocol/codec.h"

namespace joinery::broker::server {

Result<SpecId> SpecBook::find(Bytes raw, Effects& effects) {
  auto known = decoded_.find(raw);
  if (known == decoded_.end()) {
    Result<Spec> spec = protocol::decode_spec(raw);
    if (!spec) return std::unexpected(std::move(spec.error()));
    if (decoded_.size() >= decoded_max) decoded_.clear();
    known = decoded_.emplace(raw, std::move(*spec)).first;
  }
  const SpecId id = core_.intern(known->second, effects);
  remember(id, raw);
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
