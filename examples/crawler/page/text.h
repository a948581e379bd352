// Small things about texts in HTML and HTTP.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace crawler {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

inline bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// A set of characters to look for: find_first_of of the standard library asks for each character of a text
// anew where in the set it is.
class Characters {
 public:
  constexpr explicit Characters(std::string_view which) {
    for (const char c : which) has_[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }
  // Where the first of them is, from `at` on; the size of the text: there is none.
  constexpr std::size_t find(std::string_view text, std::size_t at = 0) const {
    while (at < text.size() && !has(text[at])) ++at;
    return std::min(at, text.size());
  }

 private:
  bool has_[256] = {};
};

inline constexpr Characters whites(" \t\n\r\f");
inline bool white(char c) { return whites.has(c); }

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && white(text.front())) text.remove_prefix(1);
  while (!text.empty() && white(text.back())) text.remove_suffix(1);
  return text;
}

// Calls with each part between the separators, trimmed; empty ones are left out.
template <typename F>
void each_part(std::string_view text, std::string_view separators, F call) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (const std::string_view part = trimmed(text.substr(0, end)); !part.empty()) call(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

inline bool has_word(std::string_view text, std::string_view word) {
  bool found = false;
  each_part(text, " \t\n\r\f,", [&](std::string_view part) { found = found || same_word(part, word); });
  return found;
}

}  // namespace crawler
