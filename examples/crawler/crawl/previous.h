// An earlier crawl of the same pages: what they were then, so that the server need not send again what has
// not changed.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "page/page.h"
#include "store/lines.h"

namespace crawler {

class Previous {
 public:
  // Empty directory: there is none. Reads its index once.
  explicit Previous(const std::string& directory);

  // Of a page with an ETag or date: what pages.jsonl says of its content. nullptr: there is none.
  const Json* find(const std::string& url) const;
  // Where the page led then.
  std::vector<Link> links_of(const Url& url) const;

 private:
  std::string links_file_;
  std::unordered_map<std::string, Json> pages_;
  std::unordered_map<std::string, std::uint64_t> links_at_;  // offset of its line
};

}  // namespace crawler
