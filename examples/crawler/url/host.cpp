#include "url/host.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "url/escape.h"

namespace crawler {
namespace {

using Parsed = std::expected<std::string, std::string>;

Parsed parse_ipv6(std::string_view text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1)
    return std::unexpected("the host is no IPv6 address");
  char out[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &address, out, sizeof out);
  return "[" + std::string(out) + "]";
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// One part of an IPv4 address: decimal, 0x hex or 0 octal.
std::optional<std::uint64_t> ipv4_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  if (text.empty()) return base == 10 ? std::nullopt : std::optional<std::uint64_t>(0);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> labels_of(std::string_view host) {
  std::vector<std::string_view> labels;
  if (host.ends_with('.')) host.remove_suffix(1);
  for (std::size_t begin = 0; begin <= host.size();) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    labels.push_back(host.substr(begin, end - begin));
    begin = end + 1;
  }
  return labels;
}

// A host whose last label is a number is an address, or nothing.
Parsed parse_ipv4(const std::vector<std::string_view>& labels) {
  const Parsed wrong = std::unexpected("the host is no IPv4 address");
  if (labels.size() > 4) return wrong;
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto number = ipv4_number(labels[i]);
    const bool last = i + 1 == labels.size();
    const std::uint64_t below = last ? std::uint64_t{1} << (8 * (4 - i)) : 256;
    if (!number || *number >= below) return wrong;
    address |= last ? *number : *number << (8 * (3 - i));
  }
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += std::to_string(address >> static_cast<unsigned>(shift) & 255U);
    if (shift != 0) out += '.';
  }
  return out;
}

Parsed to_ascii(const std::string& host) {
  const bool ascii = std::ranges::all_of(host, [](char c) { return c > 0; });
  if (ascii && host.find("xn--") == std::string::npos) {
    std::string lower = host;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return lower;
  }
  char* out = nullptr;
  const int status = idn2_to_ascii_8z(host.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(out, idn2_free);
  if (status != IDN2_OK)
    return std::unexpected(std::string("the host is no domain: ") + idn2_strerror(status));
  return std::string(out);
}

}  // namespace

Parsed parse_host(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return std::unexpected("the host's [ is not closed");
    return parse_ipv6(text.substr(1, text.size() - 2));
  }
  const std::string plain = unescape(text);
  const Parsed wrong = std::unexpected("the host has a character that no host has");
  if (plain.find('\0') != std::string::npos) return wrong;
  const Parsed ascii = to_ascii(plain);
  if (!ascii) return ascii;
  if (ascii->empty()) return std::unexpected("there is no host");
  if (ascii->size() > 253) return std::unexpected("the host is longer than 253 bytes");
  constexpr std::string_view forbidden = " #%/:<>?@[\\]^|";
  if (std::ranges::any_of(
          *ascii, [&](char c) { return c <= ' ' || c == 0x7f || forbidden.find(c) != forbidden.npos; })) {
    return wrong;
  }
  const auto labels = labels_of(*ascii);
  if (all_digits(labels.back()) || (labels.back().starts_with("0x") && ipv4_number(labels.back())))
    return parse_ipv4(labels);
  return ascii;
}

}  // namespace crawler
