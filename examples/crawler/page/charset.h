// Pages in any encoding to UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace crawler {

// By its byte order mark, the content type of HTTP, or a <meta> within the first 1024 bytes, in this order;
// else UTF-8 if it is that, or windows-1252. What cannot be read becomes U+FFFD: a wrong label is no reason
// to lose the links.
std::string to_utf8(std::string html, std::string_view content_type);

// The charset parameter of a content type; empty: there is none.
std::string charset_of(std::string_view content_type);

}  // namespace crawler
