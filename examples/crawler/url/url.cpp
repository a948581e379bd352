#include "url/url.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "url/escape.h"
#include "url/host.h"

namespace crawler {
namespace {

using Parsed = std::expected<Url, std::string>;

bool slash(char c) { return c == '/' || c == '\\'; }
bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Without what surrounds it and without line breaks and tabs, as they come from wrapped attributes; those few
// are copied into `copy`.
std::string_view cleaned(std::string_view text, std::string& copy) {
  const auto breaks = [](char c) { return c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && text.front() >= 0 && text.front() <= ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() >= 0 && text.back() <= ' ') text.remove_suffix(1);
  if (std::ranges::any_of(text, breaks)) {
    copy = text;
    std::erase_if(copy, breaks);
    text = copy;
  }
  return text.substr(0, text.find('#'));
}

// Lower case, without its colon; empty: the text does not begin with one.
std::string scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !alpha(text.front())) return {};
  std::string scheme;
  for (const char c : text.substr(0, colon)) {
    if (!alpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return {};
    scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return scheme;
}

// Escapes have their normal form by now, so a dot has only one spelling.
std::string without_dots(std::string path) {
  if (path.find("/.") == std::string::npos) return path;
  std::string out;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const auto segment = std::string_view(path).substr(begin, end - begin);
    const bool last = end == path.size();
    if (segment == "..") {
      out.resize(std::min(out.rfind('/'), out.size()));
      if (last) out += '/';
    } else if (segment == ".") {
      if (last) out += '/';
    } else {
      (out += '/') += segment;
    }
    begin = end + 1;
  }
  return out.empty() ? "/" : out;
}

std::string normal_path(std::string_view before, std::string_view text) {
  std::string path;
  path.reserve(before.size() + text.size() + 1);
  path = before;
  if (path.empty() && !(text.starts_with('/') || text.starts_with('\\'))) path = "/";
  const std::size_t begin = path.size();
  append_escaped(path, text, "\"#<>?`{}^");
  std::replace(path.begin() + static_cast<std::ptrdiff_t>(begin), path.end(), '\\', '/');
  return without_dots(std::move(path));
}

std::expected<void, std::string> take_port(std::string_view text, Url& url) {
  if (text.empty()) return {};
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port > 65'535)
    return std::unexpected("the port is no port");
  url.port = port == (url.scheme == "https" ? 443 : 80) ? 0 : static_cast<std::uint16_t>(port);
  return {};
}

std::expected<void, std::string> take_authority(std::string_view text, Url& url) {
  url.port = 0;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  auto host = parse_host(text.substr(0, colon));
  if (!host) return std::unexpected(std::move(host.error()));
  url.host = std::move(*host);
  return colon == std::string_view::npos ? std::expected<void, std::string>()
                                         : take_port(text.substr(colon + 1), url);
}

// What comes behind the authority, or all of a reference without one.
void take_path_and_query(std::string_view text, std::string_view base_folder, Url& url) {
  const std::size_t mark = std::min(text.find('?'), text.size());
  url.path = normal_path(base_folder, text.substr(0, mark));
  url.query.clear();
  append_escaped(url.query, text.substr(mark), "\"#<>'");
}

Parsed absolute(std::string_view rest, Url url) {
  rest.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(rest, slash) - rest.begin()));
  const std::size_t end = static_cast<std::size_t>(
      std::ranges::find_if(rest, [](char c) { return slash(c) || c == '?'; }) - rest.begin());
  if (auto taken = take_authority(rest.substr(0, end), url); !taken)
    return std::unexpected(std::move(taken.error()));
  take_path_and_query(rest.substr(end), "", url);
  return url;
}

Parsed relative(std::string_view text, const Url& base) {
  if (text.size() >= 2 && slash(text[0]) && slash(text[1])) return absolute(text, base);
  if (text.empty()) return base;
  Url url{.scheme = base.scheme, .host = base.host, .port = base.port, .path = {}, .query = {}};
  if (text.front() == '?') {
    url.path = base.path;
    append_escaped(url.query, text, "\"#<>'");
  } else if (slash(text.front())) {
    take_path_and_query(text, "", url);
  } else {
    take_path_and_query(text, std::string_view(base.path).substr(0, base.path.rfind('/') + 1), url);
  }
  return url;
}

}  // namespace

Parsed parse_url(std::string_view given, const Url* base) {
  std::string copy;
  const std::string_view text = cleaned(given, copy);
  const std::string scheme = scheme_of(text);
  if (scheme.empty())
    return base == nullptr ? std::unexpected("it has no scheme, as http://") : relative(text, *base);
  if (scheme != "http" && scheme != "https")
    return std::unexpected("its scheme is " + scheme + ", not http or https");
  const std::string_view rest = text.substr(scheme.size() + 1);
  // "http:page" on a page of http is "page"; a heirloom that WHATWG keeps.
  if (base != nullptr && base->scheme == scheme && (rest.empty() || !slash(rest.front())))
    return relative(rest, *base);
  Url url;
  url.scheme = scheme;
  return absolute(rest, url);
}

std::uint64_t hash_of(const Url& url) {
  std::uint64_t hash = url.port + (url.scheme.size() << 32U);
  for (const std::string* part : {&url.host, &url.path, &url.query}) {
    hash = hash * 0x9e37'79b9'7f4a'7c15 ^ std::hash<std::string>()(*part);
  }
  return hash;
}

}  // namespace crawler
