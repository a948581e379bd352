#include "broker/journal/mend_checkpoint.h"

#include <array>
#include <cstring>

#include "broker/journal/checkpoint.h"

namespace joinery::broker::journal {
namespace {

void turn(Buffer& file, std::size_t at, unsigned bit) {
  file[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ (1U << bit));
}

// What a byte of zeros does to a checksum.
std::uint32_t over_zeros(std::uint32_t crc) {
  constexpr std::uint32_t polynomial = 0x82F63B78;
  for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? polynomial : 0);
  return crc;
}

// A checksum is linear: how it differs tells which bit of the `size` bytes from `at` differs, if one does.
bool turn_by_difference(Buffer& file, std::size_t at, std::size_t size, std::uint32_t difference) {
  std::array<std::uint32_t, 8> of_bit{};
  for (unsigned bit = 0; bit < 8; ++bit) of_bit[bit] = over_zeros(1U << bit);
  for (std::size_t i = size; i-- > 0;) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (of_bit[bit] == difference) return turn(file, at + i, bit), true;
      of_bit[bit] = over_zeros(of_bit[bit]);
    }
  }
  return false;
}

// Turns each bit of these bytes until `good`.
bool turn_one_of(Buffer& file, std::size_t at, std::size_t size, auto good) {
  for (std::size_t i = at * 8; i < (at + size) * 8; ++i) {
    turn(file, i / 8, i % 8);
    if (good()) return true;
    turn(file, i / 8, i % 8);
  }
  return false;
}

bool mend_block(const Format& format, Buffer& file, std::size_t at) {
  BlockHeader block{};
  if (file.size() - at < sizeof block) return false;
  std::memcpy(&block, file.data() + at, sizeof block);
  const std::size_t data = at + sizeof block;
  if (block.size <= file.size() - data) {
    const std::uint32_t is = format.crc(at, Bytes(file).substr(data, block.size));
    if (turn_by_difference(file, data, block.size, is ^ block.crc)) return true;
  }
  return turn_one_of(file, at, sizeof block, [&] { return read_block(format, file, at).has_value(); });
}

}  // namespace

std::optional<Buffer> mend_checkpoint(const Format& format, const std::string& name, Bytes file) {
  if (file.size() < checkpoint_header_size) return std::nullopt;
  Buffer mended(file);
  const auto header_is_good = [&] {
    std::uint32_t crc = 0;
    std::memcpy(&crc, mended.data() + checkpoint_crc_at, sizeof crc);
    return crc == format.crc(0, Bytes(mended).substr(0, checkpoint_crc_at));
  };
  if (!header_is_good()) {
    if (!turn_one_of(mended, 0, checkpoint_header_size, header_is_good)) return std::nullopt;
  } else {
    std::uint64_t at = checkpoint_header_size;
    for (auto block = read_block(format, mended, at); block && block->size != 0;
         block = read_block(format, mended, at))
      at += sizeof *block + block->size;
    if (!mend_block(format, mended, at)) return std::nullopt;
  }
  if (!decode_checkpoint(format, name, mended)) return std::nullopt;
  return mended;
}

}  // namespace joinery::broker::journal
