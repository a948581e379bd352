// What a crawl is: kept as crawl.json in its directory, where its workers read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/lines.h"

namespace crawler {

struct CrawlConfig {
  std::uint64_t batch = 0;  // of the broker: what join and cancel know it by
  std::string queue;
  std::string endpoint;
  std::vector<std::string> seeds;

  // Scope.
  std::vector<std::string> hosts;     // authorities; empty: every one
  std::vector<std::string> prefixes;  // of paths; empty: every one
  std::vector<std::string>
      include;  // POSIX extended regular expressions, on the whole URL: one must match, if there are any
  std::vector<std::string> exclude;  // none may
  std::uint32_t depth = 50;
  std::uint64_t pages = 0;                // most that are fetched; 0: all
  bool resources = true;                  // images, scripts, style sheets too
  bool sitemaps = false;                  // take those that robots.txt names
  std::vector<std::string> sitemap_urls;  // and these

  // Manners.
  std::string user_agent = "joinery-crawl/0.1";
  bool robots = true;
  bool nofollow = true;  // obey rel=nofollow and meta robots
  std::uint32_t delay_ms = 1000;
  std::uint32_t per_host = 1;

  // Fetching.
  std::uint32_t timeout_ms = 60'000;
  std::uint64_t body_max = 20U << 20U;
  std::uint32_t attempts = 3;
  std::uint32_t retry_ms = 5000;   // before the second attempt; twice as long each time
  std::vector<std::string> types;  // beginnings of content types that are kept; empty: all
  std::string ca_file;             // certificates that are trusted instead of the system's

  // Output.
  bool warc = true;
  bool links = true;
  std::string
      previous;  // directory of an earlier crawl of the same pages: what has not changed is not sent again

  NLOHMANN_DEFINE_TYPE_INTRUSIVE_WITH_DEFAULT(CrawlConfig, batch, queue, endpoint, seeds, hosts, prefixes,
                                              include, exclude, depth, pages, resources, sitemaps,
                                              sitemap_urls, user_agent, robots, nofollow, delay_ms, per_host,
                                              timeout_ms, body_max, attempts, retry_ms, types, ca_file, warc,
                                              links, previous)

  // The product of the user agent: what robots.txt and <meta> call us.
  std::string product() const;
  // What limits are set for: of one host "crawl:7/host:example.org", of each ("*") "crawl:7/host:*".
  std::string key_of(const std::string& authority) const;
};

// Throws std::runtime_error if the directory has none, or one that is damaged.
CrawlConfig load_config(const std::string& directory);
bool has_config(const std::string& directory);
// Whole or not at all.
void save_config(const std::string& directory, const CrawlConfig& config);

}  // namespace crawler
