// What the command asks of the broker.
#pragma once

#include <joinery/client.h>

#include <string>

#include "crawl/config.h"

namespace crawler {

// A verb of docs/protocol.md; arguments and result as JSON. Throws joinery::ClientError.
Json ask(joinery::Client& client, const std::string& verb, const Json& arguments);

// Opens the batch of a new crawl, its queue, and the limits of its hosts.
void open_crawl(joinery::Client& client, CrawlConfig& config);
// Nobody needs the limits any more.
void close_crawl(joinery::Client& client, const CrawlConfig& config);
// Submits the seeds that the crawl does not have yet.
void submit_seeds(joinery::Client& client, const CrawlConfig& config, const std::string& directory);

}  // namespace crawler
