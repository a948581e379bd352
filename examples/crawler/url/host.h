// The host of a URL: a domain, an IPv4 address in any of its spellings, or an IPv6 address in brackets.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace crawler {

// In normal form: ASCII (UTS 46), lower case, addresses as four numbers or compressed. The error says what is
// wrong.
std::expected<std::string, std::string> parse_host(std::string_view text);

}  // namespace crawler
