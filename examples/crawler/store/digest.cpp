#include "store/digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>

namespace crawler {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

unsigned digest(std::string_view bytes, const EVP_MD* kind, Digest& out) {
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, kind, nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no such digest");
  }
  return length;
}

std::string hex(const unsigned char* bytes, std::size_t length) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < length; ++i) {
    out += digits[bytes[i] >> 4U];
    out += digits[bytes[i] & 15U];
  }
  return out;
}

}  // namespace

std::string sha1_base32(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  Digest out;
  const unsigned length = digest(bytes, EVP_sha1(), out);  // 20 bytes: 32 digits of 5 bits, no rest
  std::string text = "sha1:";
  unsigned bits = 0;
  unsigned held = 0;
  for (unsigned i = 0; i < length; ++i) {
    bits = bits << 8U | out[i];
    for (held += 8; held >= 5; held -= 5) text += digits[bits >> (held - 5) & 31U];
  }
  return text;
}

std::string random_uuid() {
  thread_local std::array<unsigned char, 4096> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    if (RAND_bytes(pool.data(), pool.size()) != 1) throw std::runtime_error("OpenSSL has no random bytes");
    used = 0;
  }
  std::array<unsigned char, 16> bytes;
  std::copy_n(pool.begin() + static_cast<std::ptrdiff_t>(used), bytes.size(), bytes.begin());
  used += bytes.size();
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = hex(bytes.data(), bytes.size());
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

std::string short_digest(std::string_view bytes) {
  Digest out;
  digest(bytes, EVP_sha256(), out);
  return hex(out.data(), 16);
}

std::string iso_time(std::int64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace crawler
