// The report of a crawl: one HTML page without scripts, with pictures in SVG.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace crawler {

struct Report {
  std::uint64_t pages = 0;                         // answers, whatever their status
  std::uint64_t bytes = 0;                         // of bodies, as sent
  std::map<std::string, std::uint64_t> by_status;  // "200", "404", "timeout"
  struct Host {
    std::string name;
    std::uint64_t pages = 0;
    std::uint64_t total_ms = 0;
    std::uint64_t slowest_ms = 0;
  };
  std::vector<Host> hosts;  // the slowest first, by mean
  struct Large {
    std::string url;
    std::uint64_t size = 0;
  };
  std::vector<Large> largest;
  struct Dead {
    std::string url;
    std::string why;
    std::vector<std::string> from;  // pages that link there, at most ten
    std::uint64_t from_count = 0;
  };
  std::vector<Dead> dead;                // those with the most links to them first
  std::vector<std::uint64_t> over_time;  // pages in each slice of the crawl
  std::int64_t slice_ms = 0;
  std::int64_t began_ms = 0;
  std::int64_t ended_ms = 0;
};

// From pages.jsonl and links.jsonl of the directory.
Report collect_report(const std::string& directory);
std::string report_html(const Report& report, const std::vector<std::string>& seeds);

}  // namespace crawler
