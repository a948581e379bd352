// What a crawler wants to know of an HTML page: where it leads, and what it asks of crawlers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "url/url.h"

namespace crawler {

enum class LinkKind : unsigned char { page, resource };

struct Link {
  Url url;
  LinkKind kind = LinkKind::page;
  bool nofollow = false;
  bool operator==(const Link&) const = default;
};

struct Page {
  std::string title;
  std::optional<Url> canonical;
  bool noindex = false;       // meta robots
  bool nofollow = false;      // meta robots: no link of the page is to be followed
  std::vector<Link> links;    // in the order of the page, each address once
  std::size_t bad_links = 0;  // references that are no address, without those of other schemes
};

// `html` is UTF-8 (see charset.h). `url` is where the page was found; <base> is heeded. `product` is the name
// in <meta name=...> that speaks to this crawler alone.
Page read_page(std::string_view html, const Url& url, std::string_view product);

// References in CSS: url(...) and @import "...".
std::vector<std::string> css_references(std::string_view css);

// Addresses of a srcset attribute: "a.png 1x, b.png 2x".
std::vector<std::string> srcset_references(std::string_view text);

// Takes the words of a meta robots or X-Robots-Tag ("noindex, nofollow", "none").
void take_robots_words(std::string_view words, bool& noindex, bool& nofollow);

}  // namespace crawler
