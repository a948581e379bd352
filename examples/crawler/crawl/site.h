// One crawl as a pool process sees it: what all of its jobs share. Made at the first job of the crawl, then
// kept.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "crawl/config.h"
#include "crawl/known.h"
#include "crawl/previous.h"
#include "crawl/robots_book.h"
#include "crawl/scope.h"
#include "fetch/fetch.h"
#include "store/lines.h"
#include "store/warc.h"

namespace crawler {

struct Site {
  // Throws std::runtime_error if the directory has no crawl.
  explicit Site(const std::string& directory);

  const CrawlConfig config;
  const Scope scope;
  Fetcher fetcher;
  RobotsBook robots;
  Known known;
  const Previous previous;
  WarcWriter warc;
  LineWriter pages;
  LineWriter links;
};

// Threads: any.
class Sites {
 public:
  Site& at(const std::string& directory);

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Site>> sites_;
};

}  // namespace crawler
