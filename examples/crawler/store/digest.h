// Digests and ids as WARC writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crawler {

std::string sha1_base32(std::string_view bytes);  // "sha1:..."
std::string random_uuid();                        // version 4
// 128 bits in hex: short names for long texts.
std::string short_digest(std::string_view bytes);
// "2026-11-21T04:00:00Z" of Unix milliseconds.
std::string iso_time(std::int64_t unix_ms);

}  // namespace crawler
