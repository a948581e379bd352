#include "page/charset.h"

#include <iconv.h>

#include <cerrno>

#include "page/text.h"

namespace crawler {
namespace {

constexpr std::string_view unknown_character = "\xef\xbf\xbd";

std::string charset_in_meta(std::string_view html) {
  const std::string head = lower_case(html.substr(0, 1024));
  for (std::size_t at = 0; (at = head.find("<meta", at)) != std::string::npos; ++at) {
    const std::string_view tag = std::string_view(head).substr(at, head.find('>', at) - at);
    if (std::string found = charset_of(tag); !found.empty()) return found;
  }
  return {};
}

std::string charset_by_mark(std::string_view html) {
  if (html.starts_with("\xef\xbb\xbf")) return "utf-8";
  if (html.starts_with("\xfe\xff")) return "utf-16be";
  if (html.starts_with("\xff\xfe")) return "utf-16le";
  return {};
}

bool is_utf8(std::string_view text) {
  iconv_t converter = iconv_open("UTF-32LE", "UTF-8");
  char* in = const_cast<char*>(text.data());
  std::size_t left = text.size();
  bool valid = true;
  while (left > 0 && valid) {
    char buffer[4096];
    char* out = buffer;
    std::size_t room = sizeof buffer;
    valid = iconv(converter, &in, &left, &out, &room) != static_cast<std::size_t>(-1) || errno == E2BIG;
  }
  iconv_close(converter);
  return valid;
}

std::string converted(std::string_view html, iconv_t converter) {
  std::string text;
  text.reserve(html.size() + html.size() / 8);
  char* in = const_cast<char*>(html.data());
  std::size_t left = html.size();
  while (left > 0) {
    char buffer[16'384];
    char* out = buffer;
    std::size_t room = sizeof buffer;
    const bool stopped =
        iconv(converter, &in, &left, &out, &room) == static_cast<std::size_t>(-1) && errno != E2BIG;
    text.append(buffer, sizeof buffer - room);
    if (!stopped) continue;
    text += unknown_character;
    ++in;
    --left;
    iconv(converter, nullptr, nullptr, nullptr, nullptr);
  }
  return text;
}

}  // namespace

std::string charset_of(std::string_view content_type) {
  const std::string text = lower_case(content_type);
  std::size_t at = text.find("charset");
  if (at == std::string::npos) return {};
  at = text.find_first_not_of(" \t", at + 7);
  if (at == std::string::npos || text[at] != '=') return {};
  at = text.find_first_not_of(" \t\"'", at + 1);
  if (at == std::string::npos) return {};
  return text.substr(at, text.find_first_of(" \t\"';/>", at) - at);
}

std::string to_utf8(std::string html, std::string_view content_type) {
  std::string charset = charset_by_mark(html);
  if (charset.empty()) charset = charset_of(content_type);
  if (charset.empty()) charset = charset_in_meta(html);
  // As WHATWG has it: what calls itself Latin-1 is windows-1252, and a <meta> that one can read is not
  // UTF-16.
  if (charset == "iso-8859-1" || charset == "latin1" || charset == "us-ascii" || charset == "ascii")
    charset = "windows-1252";
  if (charset.empty()) charset = is_utf8(html) ? "utf-8" : "windows-1252";
  if (charset == "utf-8" || charset == "utf8") return html;  // the parser replaces what is not valid
  iconv_t converter = iconv_open("UTF-8", charset.c_str());
  if (converter == iconv_t(-1)) return html;
  std::string text = converted(html, converter);
  iconv_close(converter);
  return text;
}

}  // namespace crawler
