// A crawl from the command's side: begun, watched until its last page is done, and reported.
#pragma once

#include "command/options.h"

namespace crawler {

// Each returns the exit code: 0, 130 if it was interrupted and can be resumed. All throw std::exception.
int begin_crawl(CommandOptions options);
int resume_crawl(const CommandOptions& options);
int cancel_crawl(const CommandOptions& options);
int report_crawl(const CommandOptions& options);

}  // namespace crawler
