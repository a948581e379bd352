// The checkpoint file: the core's state with a header and a checksum for each block.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "broker/journal/format.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

// Where the log goes on behind the state.
struct CheckpointHeader {
  std::uint32_t previous = 0;
  Position position = 0;
  std::uint64_t sequence = 1;
};

using Save = std::function<void(const std::function<void(Bytes)>&)>;
constexpr const char* unfinished_checkpoint = "checkpoint.new";

// Gives the bytes of the file to `out`, in order and in pieces.
void encode_checkpoint(const Format& format, const CheckpointHeader& header, const Save& save,
                       const std::function<void(Bytes)>& out);

struct Checkpoint {
  CheckpointHeader header;
  Buffer state;
};
// Its bytes begin with so many of the header, of which the last are the checksum of those before.
constexpr std::size_t checkpoint_header_size = 64;
constexpr std::size_t checkpoint_crc_at = 60;
// What each block of the state begins with.
struct BlockHeader {
  std::uint32_t size;  // of the data behind; 0: the last
  std::uint32_t crc;   // of the data
};
// The one at `at`, which is in the file; none if it is not whole, or its checksum is wrong.
std::optional<BlockHeader> read_block(const Format& format, Bytes file, std::uint64_t at);
// Error: journal_corrupt with file and offset, or unsupported_format.
Result<Checkpoint> decode_checkpoint(const Format& format, const std::string& name, Bytes file);

// Writes unfinished_checkpoint and syncs it. The older one stays until the caller renames this one.
Result<> write_checkpoint(Directory& directory, const Format& format, const CheckpointHeader& header,
                          const Save& save);

}  // namespace joinery::broker::journal
