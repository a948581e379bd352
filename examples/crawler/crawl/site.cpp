#include "crawl/site.h"

#include <unistd.h>

#include "crawl/files.h"
#include "crawl/now.h"

namespace crawler {
namespace {

// Of this process alone, on any host: numbers of processes are used again.
std::string own_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::string(host) + "-" + std::to_string(now_unix_ms()) + "-" + std::to_string(getpid());
}

FetchOptions fetch_options(const CrawlConfig& config) {
  FetchOptions options;
  options.user_agent = config.user_agent;
  options.timeout = Milliseconds(config.timeout_ms);
  options.body_max = config.body_max;
  options.ca_file = config.ca_file;
  return options;
}

}  // namespace

Site::Site(const std::string& directory)
    : config(load_config(directory)),
      scope(config),
      fetcher(fetch_options(config)),
      robots(files::robots(directory), config.product()),
      previous(config.previous),
      warc(files::warc(directory), own_name(), config.user_agent),
      pages(files::parts(directory) + "/pages-" + own_name() + ".jsonl"),
      links(files::parts(directory) + "/links-" + own_name() + ".jsonl") {
  for (const auto& folder : {files::parts(directory), files::warc(directory), files::robots(directory)}) {
    std::filesystem::create_directories(folder);
  }
}

Site& Sites::at(const std::string& directory) {
  const std::lock_guard guard(mutex_);
  auto& site = sites_[directory];
  if (!site) site = std::make_unique<Site>(directory);
  return *site;
}

}  // namespace crawler
