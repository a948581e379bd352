// Jobs of a crawl as the queue wants them: keyed by host, unique by address.
#pragma once

#include "crawl/config.h"
#include "crawl/visit.h"
#include "shared/job/job.h"
#include "url/url.h"

namespace crawler {

// What all jobs of a crawl share. An address is claimed for the crawl's batch from its acceptance on,
// whatever becomes of its job: so a page is fetched once, and again only as a retry of its own job.
joinery::Spec spec_of(const CrawlConfig& config);

// Of an address: itself, or if it is too long for a key its beginning and a digest.
std::string unique_key_of(const std::string& url);

// A group of one. `payload` must outlive it. With `claim` the address must not be in the crawl yet: else
// nothing is put.
joinery::Group child(const CrawlConfig& config, const Url& url, const joinery::Buffer& payload, bool claim,
                     std::uint64_t delay_ms = 0);

}  // namespace crawler
