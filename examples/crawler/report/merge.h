// What the workers of a crawl wrote, as one index: each page once, by the delivery that counts.
#pragma once

#include <string>

namespace crawler {

// Writes pages.jsonl and links.jsonl of the crawl from its parts, and may be called again when there are
// more. A page that was visited more than once (a worker died before its finish was known, or an attempt
// failed) stands there as its latest delivery left it. Throws std::runtime_error.
void merge_parts(const std::string& directory);

}  // namespace crawler
