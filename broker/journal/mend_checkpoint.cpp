#include "broker/journal/mend_checkpoint.h"

#include <array>
#include <cstring>

#include "broker/journal/checkpoint.h"

namespace joinery::broker::journal {
namespace {

constexpr std::size_t header_size = 64, header_crc_at = 60;
constexpr std::size_t block_header_size = 8;

std::uint32_t number_at(Bytes file, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, file.data() + at, sizeof number);
  return number;
}

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

bool is_block(const Format& format, Bytes file, std::size_t at) {
  if (file.size() - at < block_header_size) return false;
  const std::uint32_t size = number_at(file, at);
  const Bytes data = file.substr(at + block_header_size);
  return size <= data.size() && number_at(file, at + 4) == format.crc(at, data.substr(0, size));
}

bool mend_block(const Format& format, Buffer& file, std::size_t at) {
  if (file.size() - at < block_header_size) return false;
  const std::size_t size = number_at(file, at);
  const std::size_t data = at + block_header_size;
  if (size <= file.size() - data) {
    const std::uint32_t is = format.crc(at, Bytes(file).substr(data, size));
    if (turn_by_difference(file, data, size, is ^ number_at(file, at + 4))) return true;
  }
  return turn_one_of(file, at, block_header_size, [&] { return is_block(format, file, at); });
}

}  // namespace

std::optional<Buffer> mend_checkpoint(const Format& format, const std::string& name, Bytes file) {
  if (file.size() < header_size) return std::nullopt;
  Buffer mended(file);
  const auto header_is_good = [&] {
    return number_at(mended, header_crc_at) == format.crc(0, Bytes(mended).substr(0, header_crc_at));
  };
  if (!header_is_good()) {
    if (!turn_one_of(mended, 0, header_size, header_is_good)) return std::nullopt;
  } else {
    std::size_t at = header_size;
    while (is_block(format, mended, at) && number_at(mended, at) != 0)
      at += block_header_size + number_at(mended, at);
    if (!mend_block(format, mended, at)) return std::nullopt;
  }
  if (!decode_checkpoint(format, name, mended)) return std::nullopt;
  return mended;
}

}  // namespace joinery::broker::journal
