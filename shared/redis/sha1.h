// SHA-1 at compile time, because that is the name under which Redis knows a script. Not for anything that
// needs a safe hash.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joinery::redis {

// The digest of `text` as 40 lower-case hex digits.
constexpr std::array<char, 40> sha1(std::string_view text) {
  std::array<std::uint32_t, 5> h{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  const std::size_t padded = (text.size() + 8) / 64 * 64 + 64;  // text, 0x80, zeros, 8 bytes of length
  auto byte_at = [&](std::size_t i) -> std::uint32_t {
    if (i < text.size()) return static_cast<unsigned char>(text[i]);
    if (i == text.size()) return 0x80;
    return i < padded - 8 ? 0 : static_cast<std::uint32_t>(bits >> (8 * (padded - 1 - i)) & 0xff);
  };
  for (std::size_t block = 0; block < padded; block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 16; ++i) {
      const std::size_t at = block + 4 * i;
      w[i] = byte_at(at) << 24 | byte_at(at + 1) << 16 | byte_at(at + 2) << 8 | byte_at(at + 3);
    }
    for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < 80; ++i) {
      const std::uint32_t f = i < 20   ? (b & c) | (~b & d)
                              : i < 40 ? b ^ c ^ d
                              : i < 60 ? (b & c) | (b & d) | (c & d)
                                       : b ^ c ^ d;
      const std::uint32_t k = i < 20   ? 0x5a827999U
                              : i < 40 ? 0x6ed9eba1U
                              : i < 60 ? 0x8f1bbcdcU
                                       : 0xca62c1d6U;
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
  }
  std::array<char, 40> digits{};
  for (std::size_t i = 0; i < 40; ++i) digits[i] = "0123456789abcdef"[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
  return digits;
}

}  // namespace joinery::redis
