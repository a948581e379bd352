#include "page/nesting.h"

#include <algorithm>
#include <array>

#include "page/text.h"

namespace crawler {
namespace {

constexpr int depth_max = 700;    // browsers stop at 512
constexpr int leading_max = 500;  // of those that are kept beyond it

constexpr std::array<std::string_view, 16> never_nested = {
    "area",  "base", "br",   "col",   "embed",  "frame", "hr",  "img",
    "input", "link", "meta", "param", "source", "track", "wbr", "p"};
// Kept however deep: they lead somewhere, or what is in them is no markup.
constexpr std::array<std::string_view, 14> kept = {"a",        "object",   "iframe",    "video",   "audio",
                                                   "script",   "style",    "title",     "image",   "xmp",
                                                   "textarea", "noframes", "plaintext", "noscript"};

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view each) { return same_word(each, name); });
}

struct Tag {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view name;
  bool closing = false;
};

bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// The next tag from `at` on; begin == size: there is none. Attributes with a ">" in quotes end early, which
// is good enough for counting.
Tag next_tag(std::string_view html, std::size_t at) {
  for (; (at = html.find('<', at)) != std::string_view::npos; ++at) {
    const bool closing = at + 1 < html.size() && html[at + 1] == '/';
    const std::size_t name = at + (closing ? 2 : 1);
    if (name >= html.size() || !letter(html[name])) continue;
    const std::size_t name_end = std::min(html.find_first_of(" \t\n\r\f/>", name), html.size());
    const std::size_t end = std::min(html.find('>', name_end), html.size() - 1) + 1;
    return {at, end, html.substr(name, name_end - name), closing};
  }
  return {html.size(), html.size(), {}, false};
}

int deepest(std::string_view html) {
  int depth = 0;
  int most = 0;
  for (Tag tag = next_tag(html, 0); tag.begin < html.size(); tag = next_tag(html, tag.end)) {
    if (is_one_of(never_nested, tag.name)) continue;
    depth = std::max(depth + (tag.closing ? -1 : 1), 0);
    most = std::max(most, depth);
  }
  return most;
}

}  // namespace

std::string with_bounded_nesting(std::string_view html) {
  if (deepest(html) <= depth_max) return {};
  std::string out;
  int depth = 0;
  int leading = 0;
  std::size_t from = 0;
  for (Tag tag = next_tag(html, 0); tag.begin < html.size(); tag = next_tag(html, tag.end)) {
    const bool counts = !is_one_of(never_nested, tag.name);
    if (counts) depth = std::max(depth + (tag.closing ? -1 : 1), 0);
    out += html.substr(from, tag.begin - from);
    from = tag.begin;
    if (depth <= depth_max || !counts) continue;
    if (!is_one_of(kept, tag.name)) {
      from = tag.end;
    } else if ((leading += tag.closing ? -1 : 1) > leading_max) {
      return out;
    }
  }
  return out += html.substr(from);
}

}  // namespace crawler
