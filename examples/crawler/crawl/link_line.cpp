#include "crawl/link_line.h"

#include <algorithm>

namespace crawler {
namespace {

enum class List : unsigned char { to, uses, nofollow };
constexpr std::pair<List, const char*> lists[] = {
    {List::to, "to"}, {List::uses, "uses"}, {List::nofollow, "nofollow"}};

List list_of(const Link& link) {
  if (link.nofollow) return List::nofollow;
  return link.kind == LinkKind::page ? List::to : List::uses;
}

// Most lead to the same site: without its origin they take half the space. (A path that begins with two
// slashes would be read as a host.)
std::string reference_to(const Url& url, const Url& from) {
  const bool here = same_origin(url, from) && !url.path.starts_with("//");
  return here ? url.path + url.query : url.text();
}

}  // namespace

// By hand: a page has hundreds, and a tree of JSON would cost more than to find them.
std::string link_line(const Url& from, std::uint64_t fence, const std::vector<Link>& links) {
  std::string out = "{\"fence\":" + std::to_string(fence) + ",\"from\":";
  append_json(out, from.text());
  for (const auto& [list, name] : lists) {
    const bool any = std::ranges::any_of(links, [&](const Link& link) { return list_of(link) == list; });
    if (!any && list != List::to) continue;  // that one is always there: merge.cpp looks for it
    ((out += ",\"") += name) += "\":[";
    for (const Link& link : links) {
      if (list_of(link) == list) append_json(out, reference_to(link.url, from)), out += ',';
    }
    if (out.back() == ',') out.pop_back();
    out += ']';
  }
  return out += '}';
}

std::vector<Link> links_of_line(const Json& line, const Url& from) {
  std::vector<Link> links;
  for (const auto& [list, name] : lists) {
    for (const std::string& text : line.value(name, std::vector<std::string>())) {
      auto url = parse_url(text, &from);
      if (!url) continue;
      links.push_back({std::move(*url), list == List::uses ? LinkKind::resource : LinkKind::page,
                       list == List::nofollow});
    }
  }
  return links;
}

}  // namespace crawler
