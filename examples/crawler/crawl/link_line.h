// A line of links.jsonl: where a page leads, as paths on its own site. `to` are pages, `uses` images, scripts
// and style sheets, `nofollow` those of `to` that the page does not vouch for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "page/page.h"
#include "store/lines.h"

namespace crawler {

// `fence` is that of the delivery that saw them.
std::string link_line(const Url& from, std::uint64_t fence, const std::vector<Link>& links);
std::vector<Link> links_of_line(const Json& line, const Url& from);

}  // namespace crawler
