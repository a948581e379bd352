#include "url/escape.h"

#include <algorithm>

namespace crawler {
namespace {

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_escape(std::string& out, unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  out += '%';
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

}  // namespace

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

namespace {

// The byte of the escape that begins here; -1: none does.
int escape_at(std::string_view text, std::size_t at) {
  if (text[at] != '%' || at + 2 >= text.size()) return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int byte = escape_at(text, at);
    out += byte < 0 ? text[at] : static_cast<char>(byte);
    if (byte >= 0) at += 2;
  }
  return out;
}

void append_escaped(std::string& out, std::string_view text, std::string_view also) {
  // Most are taken in one piece.
  const bool slash_too = also.find('/') == std::string_view::npos;
  const auto plain = [slash_too](char c) { return unreserved(c) || (c == '/' && slash_too); };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (plain(c)) {
      const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), plain);
      const auto length = static_cast<std::size_t>(end - text.begin()) - at;
      out += text.substr(at, length);
      at += length - 1;
      continue;
    }
    if (const int byte = escape_at(text, at); byte >= 0) {
      at += 2;
      if (unreserved(static_cast<char>(byte))) {
        out += static_cast<char>(byte);
      } else {
        append_escape(out, static_cast<unsigned char>(byte));
      }
    } else if (c <= ' ' || c == 0x7f ||
               also.find(c) != std::string_view::npos) {  // char is signed: above ASCII is below
      append_escape(out, static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

}  // namespace crawler
