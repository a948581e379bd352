#include "broker/journal/checkpoint.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstring>

namespace joinery::broker::journal {
namespace {

constexpr std::string_view magic = "joinery state  \n";
constexpr std::size_t block_max = std::size_t{256} << 10U;

struct HeaderBytes {
  std::array<char, 16> magic;
  std::uint32_t version;
  std::uint32_t previous;
  Position position;
  std::uint64_t sequence;
  std::array<char, 20> zero;
  std::uint32_t crc;
};
static_assert(sizeof(HeaderBytes) == checkpoint_header_size);
static_assert(offsetof(HeaderBytes, crc) == checkpoint_crc_at);

Bytes bytes_of(const auto& pod) { return {reinterpret_cast<const char*>(&pod), sizeof pod}; }

// Collects what the core gives into blocks.
class Blocks {
 public:
  Blocks(const Format& format, const std::function<void(Bytes)>& out, std::uint64_t at)
      : format_(format), out_(out), at_(at) {}

  void add(Bytes bytes) {
    while (!bytes.empty()) {
      const Bytes part = bytes.substr(0, block_max - block_.size());
      block_.append(part);
      bytes.remove_prefix(part.size());
      if (block_.size() == block_max) flush();
    }
  }
  void finish() {
    if (!block_.empty()) flush();
    flush();  // the empty one ends the file
  }

 private:
  void flush() {
    const BlockHeader header{static_cast<std::uint32_t>(block_.size()), format_.crc(at_, block_)};
    out_(bytes_of(header));
    if (!block_.empty()) out_(block_);
    at_ += sizeof header + block_.size();
    block_.clear();
  }

  const Format& format_;
  const std::function<void(Bytes)>& out_;
  std::uint64_t at_;
  Buffer block_;
};

}  // namespace

void encode_checkpoint(const Format& format, const CheckpointHeader& header, const Save& save,
                       const std::function<void(Bytes)>& out) {
  HeaderBytes bytes{};
  std::memcpy(bytes.magic.data(), magic.data(), magic.size());
  bytes.version = format_version;
  bytes.previous = header.previous;
  bytes.position = header.position;
  bytes.sequence = header.sequence;
  bytes.crc = format.crc(0, bytes_of(bytes).substr(0, checkpoint_crc_at));
  out(bytes_of(bytes));
  Blocks blocks(format, out, sizeof bytes);
  save([&blocks](Bytes state) { blocks.add(state); });
  blocks.finish();
}

std::optional<BlockHeader> read_block(const Format& format, Bytes file, std::uint64_t at) {
  BlockHeader block{};
  if (file.size() - at < sizeof block) return std::nullopt;
  std::memcpy(&block, file.data() + at, sizeof block);
  const Bytes data = file.substr(at + sizeof block);
  if (block.size > block_max || block.size > data.size()) return std::nullopt;
  if (block.crc != format.crc(at, data.substr(0, block.size))) return std::nullopt;
  return block;
}

Result<Checkpoint> decode_checkpoint(const Format& format, const std::string& name, Bytes file) {
  const auto damaged = [&name](std::uint64_t offset) {
    return fail(Code::journal_corrupt, fmt::format("{} at offset {}: the checksum is wrong", name, offset));
  };
  HeaderBytes header{};
  if (file.size() < sizeof header) return damaged(file.size());
  std::memcpy(&header, file.data(), sizeof header);
  if (header.crc != format.crc(0, file.substr(0, checkpoint_crc_at))) return damaged(0);
  if (header.version > format_version) {
    return fail(Code::unsupported_format, fmt::format("{} has format version {}", name, header.version));
  }
  Checkpoint checkpoint{{header.previous, header.position, header.sequence}, {}};
  checkpoint.state.reserve(file.size());
  for (std::uint64_t at = sizeof header;;) {
    const auto block = read_block(format, file, at);
    if (!block) return damaged(at);
    at += sizeof *block;
    if (block->size == 0) {
      if (at != file.size()) return damaged(at);
      return checkpoint;
    }
    checkpoint.state.append(file.substr(at, block->size));
    at += block->size;
  }
}

Result<> write_checkpoint(Directory& directory, const Format& format, const CheckpointHeader& header,
                          const Save& save) {
  auto file = directory.create_streamed(unfinished_checkpoint);
  if (!file) return std::unexpected(file.error());
  Result<> written;
  std::uint64_t offset = 0;
  encode_checkpoint(format, header, save, [&](Bytes bytes) {
    if (written) written = (*file)->write_at(bytes, offset);
    offset += bytes.size();
  });
  if (!written) return written;
  return (*file)->sync();
}

}  // namespace joinery::broker::journal
