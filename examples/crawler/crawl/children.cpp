#include "crawl/children.h"

#include "store/digest.h"

namespace crawler {

joinery::Spec spec_of(const CrawlConfig& config) {
  joinery::Spec spec;
  spec.handler = visit_handler;
  spec.attempts = config.attempts;
  spec.backoff = {
      .initial_ms = config.retry_ms, .max_ms = 600'000, .factor = 2, .jitter = 0.1F, .list_ms = {}};
  // Fetches end by themselves; this is for a page that a parser never gets done with.
  spec.hard_timeout_ms = config.timeout_ms + 60'000;
  constexpr std::uint64_t ttl_ms = std::uint64_t{60} * 24 * 3'600'000;  // longer than a crawl
  spec.unique = {.scope = joinery::UniqueScope::batch,
                 .until = joinery::UniqueUntil::time,
                 .on_conflict = joinery::OnConflict::ignore,
                 .ttl_ms = ttl_ms};
  return spec;
}

std::string unique_key_of(const std::string& url) {
  if (url.size() <= joinery::limits::name_max) return url;
  return url.substr(0, 200) + "#" + short_digest(url);  // no address has a #
}

joinery::Group child(const CrawlConfig& config, const Url& url, const joinery::Buffer& payload, bool claim,
                     std::uint64_t delay_ms) {
  joinery::Group group;
  group.queue = config.queue;
  group.spec = spec_of(config);
  group.batch = config.batch;
  group.payloads.emplace_back(payload);
  group.columns.key.push_back(config.key_of(url.authority()));
  if (claim) {
    group.columns.unique_key.push_back(unique_key_of(url.text()));
  } else {
    group.spec.unique = {};
  }
  if (delay_ms != 0) group.columns.delay_ms.push_back(delay_ms);
  return group;
}

}  // namespace crawler
