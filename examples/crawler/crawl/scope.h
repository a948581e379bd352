// Which addresses belong to a crawl.
#pragma once

#include <regex.h>

#include <memory>
#include <string>
#include <vector>

#include "crawl/config.h"
#include "page/page.h"

namespace crawler {

class Scope {
 public:
  // Throws std::invalid_argument for an expression that is none.
  explicit Scope(const CrawlConfig& config);

  // Resources may lie outside of the path prefixes, as a page's pictures often do, but not on other hosts.
  bool has(const Url& url, std::uint32_t depth, LinkKind kind) const;
  bool has_host(const Url& url) const;

 private:
  using Regex = std::unique_ptr<regex_t, void (*)(regex_t*)>;
  static std::vector<Regex> compiled(const std::vector<std::string>& expressions);
  static bool any_matches(const std::vector<Regex>& expressions, const std::string& text);

  const CrawlConfig& config_;
  std::vector<Regex> include_;
  std::vector<Regex> exclude_;
};

// An address as only generated ones are: longer than 2000 bytes, or with one segment of its path five times
// and more.
bool looks_like_a_trap(const Url& url);

}  // namespace crawler
