// Sitemaps (sitemaps.org): lists of pages, in XML or plain text, and lists of such lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "url/url.h"

namespace crawler {

constexpr std::size_t sitemap_urls_max = 50'000;  // of one file, as the protocol has it

struct Sitemap {
  std::vector<Url> pages;
  std::vector<Url> sitemaps;
};

// What can be read of it, up to the first mistake in its XML. Entities of a document type are not expanded.
Sitemap read_sitemap(std::string_view text);

}  // namespace crawler
