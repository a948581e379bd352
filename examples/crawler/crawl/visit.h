// The payload of the crawl's jobs.
#pragma once

#include <joinery/pack.h>

#include <cstdint>
#include <string>

namespace crawler {

constexpr const char* visit_handler = "crawl.visit";

enum class VisitKind : std::uint8_t { page, resource, sitemap, robots };

}  // namespace crawler

MSGPACK_ADD_ENUM(crawler::VisitKind)

namespace crawler {

struct Visit {
  std::string directory;  // of the crawl
  std::string url;
  VisitKind kind = VisitKind::page;
  std::uint32_t depth = 0;  // links from a seed
  std::uint32_t hops = 0;   // redirects in a row that led here
  std::string from;         // the page that leads here; empty: a seed
  // The delivery that submitted it: see known.h.
  std::uint64_t parent = 0;
  std::uint64_t parent_fence = 0;
  std::string origin;  // of VisitKind::robots: whose robots.txt this is, wherever redirects have led

  MSGPACK_DEFINE(directory, url, kind, depth, hops, from, parent, parent_fence, origin)
};

}  // namespace crawler
