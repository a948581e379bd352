// URLs of http and https by the rules of the WHATWG URL standard, in one normal form, so that two spellings
// of one page are one page.
//
// Beyond WHATWG, what RFC 3986 (6.2.2) allows: hex digits of escapes are upper case, and what need not be
// escaped is not. Fragments, user names and passwords are dropped: they are no part of what is fetched.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace crawler {

struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // lower case, ASCII; IPv6 in brackets
  std::uint16_t port = 0;  // 0: that of the scheme
  std::string path;        // begins with "/"
  std::string query;       // with its "?", or empty

  std::string text() const { return origin() + path + query; }
  std::string origin() const { return scheme + "://" + authority(); }
  // Host, and the port unless it is that of the scheme.
  std::string authority() const { return port == 0 ? host : host + ":" + std::to_string(port); }
  bool operator==(const Url&) const = default;
};

inline bool same_origin(const Url& a, const Url& b) {
  return a.port == b.port && a.host == b.host && a.scheme == b.scheme;
}
// 64 bits of what text() says.
std::uint64_t hash_of(const Url& url);

// What a reference means on the page `base`; without one it must be absolute. The error says in a few words
// why it is no address of a page.
std::expected<Url, std::string> parse_url(std::string_view text, const Url* base = nullptr);

}  // namespace crawler
