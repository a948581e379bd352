#include "crawl/previous.h"

#include <fstream>

#include "crawl/files.h"
#include "crawl/link_line.h"

namespace crawler {

Previous::Previous(const std::string& directory) {
  if (directory.empty()) return;
  links_file_ = files::links(directory);
  each_line(files::pages(directory), [&](const Json& line) {
    if (!line.contains("etag") && !line.contains("last_modified")) return;
    Json& page = pages_[line.value("url", "")];
    for (const char* key : {"etag", "last_modified", "type", "size", "digest", "title", "canonical"}) {
      if (line.contains(key)) page[key] = line[key];
    }
  });
  std::ifstream file(links_file_, std::ios::binary);
  std::uint64_t offset = 0;
  for (std::string line; std::getline(file, line); offset += line.size() + 1) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) links_at_[json.value("from", "")] = offset;
  }
}

const Json* Previous::find(const std::string& url) const {
  const auto found = pages_.find(url);
  return found == pages_.end() ? nullptr : &found->second;
}

std::vector<Link> Previous::links_of(const Url& url) const {
  const auto found = links_at_.find(url.text());
  if (found == links_at_.end()) return {};
  std::ifstream file(links_file_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(found->second));
  std::string line;
  std::getline(file, line);
  const Json json = Json::parse(line, nullptr, false);
  return json.is_object() ? links_of_line(json, url) : std::vector<Link>();
}

}  // namespace crawler
