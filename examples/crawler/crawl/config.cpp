#include "crawl/config.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "crawl/files.h"
#include "store/digest.h"

namespace crawler {

std::string CrawlConfig::product() const { return user_agent.substr(0, user_agent.find_first_of("/ ")); }

std::string CrawlConfig::key_of(const std::string& authority) const {
  // A key has at most 255 bytes, and a star in it would be a pattern.
  const bool plain =
      authority == "*" || (authority.size() <= 200 && authority.find('*') == std::string::npos);
  return "crawl:" + std::to_string(batch) + "/host:" + (plain ? authority : short_digest(authority));
}

bool has_config(const std::string& directory) { return std::filesystem::exists(files::config(directory)); }

CrawlConfig load_config(const std::string& directory) {
  const std::string text = files::read_whole(files::config(directory));
  if (text.empty()) throw std::runtime_error(directory + " has no crawl.json: no crawl was begun there");
  try {
    return Json::parse(text).get<CrawlConfig>();
  } catch (const Json::exception& error) {
    throw std::runtime_error(files::config(directory) + ": " + error.what());
  }
}

void save_config(const std::string& directory, const CrawlConfig& config) {
  files::write_whole(files::config(directory), Json(config).dump(2) + "\n");
}

namespace files {

std::vector<std::string> parts_of(const std::string& directory, std::string_view kind) {
  std::vector<std::string> out;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(parts(directory), gone)) {
    if (entry.path().filename().string().starts_with(kind)) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

void write_whole(const std::string& path, std::string_view content) {
  const std::string beside = path + "." + std::to_string(getpid());
  {
    std::ofstream file(beside, std::ios::binary);
    file << content;
    if (!file.flush()) throw std::runtime_error("cannot write " + beside);
  }
  std::filesystem::rename(beside, path);
}

std::string read_whole(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(content).str();
}

}  // namespace files
}  // namespace crawler
