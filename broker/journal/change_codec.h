// Changes <-> bytes, as docs/journal.md has them. Knows nothing of records and payloads.
#pragma once

#include <span>
#include <vector>

#include "broker/core/change.h"
#include "broker/journal/put_codec.h"
#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::broker::journal {

// Adds the encoding of the changes to `out`.
void encode_changes(std::span<const Change> changes, Buffer& out);

// Bytes of payload that a change brings (Put, Move).
std::uint64_t payload_bytes(const Change& change);

// Reads changes back one by one. Any input is safe: what is not an encoding gives an error.
//
//   ChangeDecoder decoder(bytes);
//   while (const auto* change = decoder.next()) use(*change);
//   if (!decoder.whole()) ...   // stopped at something that is not a change
class ChangeDecoder {
 public:
  explicit ChangeDecoder(Bytes encoded) : in_(encoded) {}

  // The next change, or null at the end or at damage. Valid until the next call (a Put has views into the
  // decoder).
  const Change* next();
  // Whether everything was read and understood.
  bool whole() const { return good_ && in_.empty(); }

  // What the changes of the next record are read from; keeps the memory.
  void reset(Bytes encoded) {
    in_ = encoded;
    good_ = true;
  }

 private:
  Bytes in_;
  bool good_ = true;
  Change change_;
  std::vector<std::uint32_t> sizes_;
  std::vector<Wall> due_;
  Columns columns_;
};

}  // namespace joinery::broker::journal
