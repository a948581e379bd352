// What the jobs of a group share, by the raw bytes in which it comes and goes: a hot group costs no decoding,
// and a worker gets the bytes that the submitter sent.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/core.h"
#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::broker::server {

// Lookup of strings by views, without making a string.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(Bytes bytes) const { return std::hash<Bytes>{}(bytes); }
};

class SpecBook {
 public:
  explicit SpecBook(Core& core) : core_(core) {}

  // The core's id of the spec with these raw bytes, completed by the defaults of the queue. Errors name the
  // field.
  Result<SpecId> find(Bytes raw, std::string_view queue, Effects& effects);
  // The same of a spec that came in another way.
  SpecId intern(Spec spec, std::string_view queue, Effects& effects);
  // Its raw bytes. Valid until the next call.
  Bytes raw(SpecId id);

 private:
  static constexpr std::size_t decoded_max = 4096;  // traces make specs distinct: the memory must be bounded

  void remember(SpecId id, Bytes raw);

  Core& core_;
  std::unordered_map<std::string, Spec, BytesHash, std::equal_to<>> decoded_;
  std::vector<std::string> raw_;  // by id; the core may use an id again, and then find() writes it anew
};

}  // namespace joinery::broker::server
