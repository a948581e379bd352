// An earlier crawl of the same pages: what they were then, so that the server need not send again what has
// not changed.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace crawler {

class Previous {
 public:
  struct Page {
    std::string etag;
    std::string last_modified;
  };

  // Empty directory: there is none. Reads its index once.
  explicit Previous(const std::string& directory);

  const Page* find(const std::string& url) const;
  // Where the page led then.
  std::vector<std::string> links_of(const std::string& url) const;

 private:
  std::string links_file_;
  std::unordered_map<std::string, Page> pages_;
  std::unordered_map<std::string, std::uint64_t> links_at_;  // offset of its line
};

}  // namespace crawler
