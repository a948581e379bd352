#include "crawl/previous.h"

#include <fstream>

#include "crawl/files.h"
#include "store/lines.h"

namespace crawler {

Previous::Previous(const std::string& directory) {
  if (directory.empty()) return;
  links_file_ = files::links(directory);
  each_line(files::pages(directory), [&](const Json& line) {
    Page page{line.value("etag", ""), line.value("last_modified", "")};
    if (!page.etag.empty() || !page.last_modified.empty()) pages_[line.value("url", "")] = std::move(page);
  });
  std::ifstream file(links_file_, std::ios::binary);
  std::uint64_t offset = 0;
  for (std::string line; std::getline(file, line); offset += line.size() + 1) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) links_at_[json.value("from", "")] = offset;
  }
}

const Previous::Page* Previous::find(const std::string& url) const {
  const auto found = pages_.find(url);
  return found == pages_.end() ? nullptr : &found->second;
}

std::vector<std::string> Previous::links_of(const std::string& url) const {
  const auto found = links_at_.find(url);
  if (found == links_at_.end()) return {};
  std::ifstream file(links_file_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(found->second));
  std::string line;
  std::getline(file, line);
  return Json::parse(line).value("to", std::vector<std::string>());
}

}  // namespace crawler
