// The command line of joinery-crawl.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crawl/config.h"

namespace crawler {

struct CommandOptions {
  enum class What { crawl, resume, cancel, report } what = What::crawl;
  std::string directory;
  CrawlConfig config;  // of a new crawl: what was asked for, still without its batch
  bool any_host = false;
  bool whole_host = false;  // not only what is below the folder of a seed
  // Of the worker that is started for it.
  bool worker = true;
  unsigned processes = 0;
  unsigned threads = 16;
};

// An exit code: it was --help, or a mistake that was explained.
std::optional<int> parse_command(int argc, char** argv, CommandOptions& options);

}  // namespace crawler
