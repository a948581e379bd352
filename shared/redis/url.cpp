// Where a Redis is: redis:// and unix:// addresses.
#include <fmt/format.h>

#include <charconv>

#include "shared/redis/redis.h"

namespace joinery::redis {
namespace {

std::unexpected<Error> wrong(const std::string& what) {
  return fail(Code::invalid_argument,
              what +
                  "; expected redis://[[user]:password@]host[:port][/database] or "
                  "unix:///path[?db=N&password=...]",
              "redis.url");
}

template <typename T>
bool parse_number(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// %41 -> A. False if a % is not followed by two hex digits.
bool unescape(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return false;
    out.push_back(static_cast<char>(value));
    i += 2;
  }
  return true;
}

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<Url> parse_unix(std::string_view rest) {
  Url url;
  const auto question = rest.find('?');
  url.path = rest.substr(0, question);
  if (url.path.empty() || url.path.front() != '/') {
    return wrong(fmt::format("the path of the unix socket is \"{}\"", url.path));
  }
  std::string_view query = question == std::string_view::npos ? "" : rest.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::string_view name = pair.substr(0, pair.find('='));
    const std::string_view value = pair.substr(std::min(pair.size(), name.size() + 1));
    if (name == "db" && parse_number(value, url.database)) continue;
    if (name == "password" && unescape(value, url.password)) continue;
    if (name == "user" && unescape(value, url.user)) continue;
    return wrong(fmt::format("the part \"{}\" of the address is not understood", name));
  }
  return url;
}

Result<> parse_authority(std::string_view text, Url& url) {
  std::string_view host = text;
  if (text.starts_with('[')) {  // an IPv6 address
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("the address has [ without ]");
    host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
  }
  url.host = host;
  if (url.host.empty()) return wrong("the host is missing");
  if (!text.empty() && (!text.starts_with(':') || !parse_number(text.substr(1), url.port) || url.port == 0)) {
    return wrong(fmt::format("the port is \"{}\"", text));
  }
  return {};
}

Result<Url> parse_tcp(std::string_view rest) {
  Url url;
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = rest.substr(0, at);
    const auto colon = who.find(':');
    if (colon == std::string_view::npos) return wrong("there is no password before the @");
    if (!unescape(who.substr(0, colon), url.user) || !unescape(who.substr(colon + 1), url.password)) {
      return wrong("a % in user or password is not followed by two hex digits");
    }
    rest.remove_prefix(at + 1);
  }
  const auto slash = rest.find('/');
  if (auto parsed = parse_authority(rest.substr(0, slash), url); !parsed) {
    return std::unexpected(parsed.error());
  }
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    const std::string_view database = rest.substr(slash + 1);
    if (!parse_number(database, url.database)) return wrong(fmt::format("the database is \"{}\"", database));
  }
  return url;
}

std::string format(const Url& url, const std::string& password) {
  if (url.host.empty()) {
    std::string out = "unix://" + url.path;
    char separator = '?';
    auto add = [&](std::string_view name, const std::string& value) {
      fmt::format_to(std::back_inserter(out), "{}{}={}", separator, name, value);
      separator = '&';
    };
    if (url.database != 0) add("db", std::to_string(url.database));
    if (!url.user.empty()) add("user", escape(url.user));
    if (!password.empty()) add("password", password);
    return out;
  }
  const bool v6 = url.host.find(':') != std::string::npos;
  const std::string who = password.empty() ? "" : fmt::format("{}:{}@", escape(url.user), password);
  const std::string database = url.database == 0 ? "" : fmt::format("/{}", url.database);
  return fmt::format("redis://{}{}{}{}:{}{}", who, v6 ? "[" : "", url.host, v6 ? "]" : "", url.port,
                     database);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view tcp = "redis://";
  constexpr std::string_view local = "unix://";
  if (text.starts_with(tcp)) return parse_tcp(text.substr(tcp.size()));
  if (text.starts_with(local)) return parse_unix(text.substr(local.size()));
  return wrong("the address of Redis starts with neither redis:// nor unix://");
}

std::string to_string(const Url& url) { return format(url, url.password.empty() ? "" : "***"); }
std::string to_string_with_secret(const Url& url) { return format(url, escape(url.password)); }

}  // namespace joinery::redis
