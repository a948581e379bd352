// robots.txt by RFC 9309, with Crawl-delay and Sitemap, which everybody writes there too.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

constexpr std::size_t robots_max = 500U << 10U;  // bytes that are read; RFC 9309 demands so many

class Robots {
 public:
  // What the file says to the crawler of this product name ("joinery-crawl"): the groups that name it, or
  // else those of "*". Everything is allowed that no rule is against.
  static Robots parse(std::string_view text, std::string_view product);
  static Robots allow_all() { return {}; }
  // The server could not say: nothing is allowed (RFC 9309, 2.3.1.4).
  static Robots disallow_all();

  // `target`: path and query. The longest rule that matches holds; of two as long, the one that allows.
  bool allows(std::string_view target) const;
  std::optional<std::chrono::milliseconds> crawl_delay() const { return crawl_delay_; }
  const std::vector<std::string>& sitemaps() const { return sitemaps_; }

 private:
  struct Rule {
    std::string pattern;  // escapes in normal form; with "*", and "$" at its end
    bool allow = false;
  };
  std::vector<Rule> rules_;
  std::optional<std::chrono::milliseconds> crawl_delay_;
  std::vector<std::string> sitemaps_;
};

}  // namespace crawler
