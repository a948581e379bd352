// Content encodings of HTTP: gzip, deflate, brotli.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace crawler {

// The body without its encodings ("gzip", "br", "gzip, br", "identity", ""). An error says what is wrong:
// damaged, of an encoding that is not known here, or larger than `size_max` when unpacked.
std::expected<std::string, std::string> decode(std::string body, std::string_view encodings,
                                               std::size_t size_max);

}  // namespace crawler
