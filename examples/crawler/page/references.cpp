// References in attributes and style sheets, which have a syntax of their own.
#include "page/page.h"
#include "page/text.h"

namespace crawler {

std::vector<std::string> srcset_references(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    while (!text.empty() && (white(text.front()) || text.front() == ',')) text.remove_prefix(1);
    if (text.empty()) return out;
    std::size_t end = 0;
    while (end < text.size() && !white(text[end])) ++end;
    std::string_view url = text.substr(0, end);
    text.remove_prefix(end);
    const bool no_descriptor = url.ends_with(',');
    while (url.ends_with(',')) url.remove_suffix(1);
    if (!url.empty()) out.emplace_back(url);
    if (no_descriptor) continue;
    // The descriptor, which may have commas in parentheses.
    int depth = 0;
    std::size_t at = 0;
    for (; at < text.size() && (text[at] != ',' || depth > 0); ++at) {
      if (text[at] == '(') ++depth;
      if (text[at] == ')') --depth;
    }
    text.remove_prefix(at);
  }
}

namespace {

void skip_comment(std::string_view css, std::size_t& at) {
  const std::size_t end = css.find("*/", at + 2);
  at = end == std::string_view::npos ? css.size() : end + 2;
}

// The quoted text that begins at `at`; moves behind it.
std::string quoted(std::string_view css, std::size_t& at) {
  const char quote = css[at++];
  std::string out;
  for (; at < css.size() && css[at] != quote && css[at] != '\n'; ++at) {
    if (css[at] == '\\' && at + 1 < css.size()) ++at;
    out += css[at];
  }
  ++at;
  return out;
}

std::string url_argument(std::string_view css, std::size_t& at) {
  while (at < css.size() && white(css[at])) ++at;
  if (at < css.size() && (css[at] == '"' || css[at] == '\'')) return quoted(css, at);
  const std::size_t end = std::min(css.find(')', at), css.size());
  const std::string out(trimmed(css.substr(at, end - at)));
  at = end;
  return out;
}

}  // namespace

std::vector<std::string> css_references(std::string_view css) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < css.size();) {
    const std::string_view rest = css.substr(at);
    if (rest.starts_with("/*")) {
      skip_comment(css, at);
    } else if (rest.size() > 4 && same_word(rest.substr(0, 4), "url(")) {
      at += 4;
      if (std::string reference = url_argument(css, at); !reference.empty())
        out.push_back(std::move(reference));
    } else if (rest.size() > 7 && same_word(rest.substr(0, 7), "@import")) {
      at += 7;
      while (at < css.size() && white(css[at])) ++at;
      if (at < css.size() && (css[at] == '"' || css[at] == '\'')) out.push_back(quoted(css, at));
    } else {
      ++at;
    }
  }
  std::erase_if(out, [](const std::string& reference) { return reference.starts_with("data:"); });
  return out;
}

void take_robots_words(std::string_view words, bool& noindex, bool& nofollow) {
  each_part(words, ",", [&](std::string_view word) {
    const bool none = same_word(word, "none");
    noindex = noindex || none || same_word(word, "noindex");
    nofollow = nofollow || none || same_word(word, "nofollow");
  });
}

}  // namespace crawler
