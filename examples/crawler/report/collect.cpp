// Reads the index and the link graph of a crawl for its report.
#include <algorithm>
#include <unordered_map>

#include "crawl/files.h"
#include "crawl/link_line.h"
#include "report/report.h"
#include "store/lines.h"
#include "url/url.h"

namespace crawler {
namespace {

constexpr std::size_t rows_max = 20;
constexpr std::size_t slices = 60;

std::string outcome_of(const Json& line) {
  if (const std::string error = line.value("error", ""); !error.empty()) return error;
  return std::to_string(line.value("status", 0));
}

bool is_dead(const Json& line) {
  const int status = line.value("status", 0);
  const std::string error = line.value("error", "");
  if (error == "disallowed" || error == "robots_unreachable") return false;
  return status >= 400 || status == 0 || error == "too_many_redirects" || error == "bad_redirect";
}

// Keeps the largest by `key`, sorted.
template <typename T, typename Key>
void cut(std::vector<T>& rows, Key key) {
  const std::size_t most = std::min(rows.size(), rows_max);
  std::ranges::partial_sort(rows, rows.begin() + static_cast<std::ptrdiff_t>(most), std::ranges::greater(),
                            key);
  rows.resize(most);
}

class Collector {
 public:
  void take(const Json& line) {
    const std::string url = line.value("url", "");
    const std::string error = line.value("error", "");
    const std::int64_t at = line.value("at_ms", std::int64_t{0});
    const std::int64_t took = line.value("took_ms", std::int64_t{0});
    ++report.by_status[outcome_of(line)];
    if (is_dead(line)) dead_[url] = report.dead.size(), report.dead.push_back({url, outcome_of(line), {}, 0});
    if (error == "disallowed" || error == "robots_unreachable") return;  // nobody was asked
    ++report.pages;
    report.bytes += line.value("wire", std::uint64_t{0});
    times_.push_back(at);
    report.began_ms = report.began_ms == 0 ? at : std::min(report.began_ms, at);
    report.ended_ms = std::max(report.ended_ms, at + took);
    report.largest.push_back({url, line.value("size", std::uint64_t{0})});
    if (report.largest.size() > 100 * rows_max) cut(report.largest, &Report::Large::size);
    if (const auto parsed = parse_url(url)) {
      Report::Host& host = hosts_[parsed->authority()];
      ++host.pages;
      host.total_ms += static_cast<std::uint64_t>(took);
      host.slowest_ms = std::max(host.slowest_ms, static_cast<std::uint64_t>(took));
    }
  }

  void take_links(const Json& line) {
    const std::string from = line.value("from", "");
    const auto base = parse_url(from);
    if (!base) return;
    for (const Link& link : links_of_line(line, *base)) {
      const auto found = dead_.find(link.url.text());
      if (found == dead_.end()) continue;
      Report::Dead& dead = report.dead[found->second];
      ++dead.from_count;
      if (dead.from.size() < 10) dead.from.push_back(from);
    }
  }

  void finish() {
    for (auto& [name, host] : hosts_) {
      host.name = name;
      report.hosts.push_back(std::move(host));
    }
    cut(report.hosts,
        [](const Report::Host& host) { return host.total_ms / std::max<std::uint64_t>(host.pages, 1); });
    cut(report.largest, &Report::Large::size);
    std::ranges::stable_sort(report.dead, std::ranges::greater(), &Report::Dead::from_count);
    report.slice_ms = std::max<std::int64_t>(
        (report.ended_ms - report.began_ms) / static_cast<std::int64_t>(slices) + 1, 1);
    report.over_time.assign(slices, 0);
    for (const std::int64_t at : times_) {
      ++report.over_time[std::min(static_cast<std::size_t>((at - report.began_ms) / report.slice_ms),
                                  slices - 1)];
    }
  }

  Report report;

 private:
  std::unordered_map<std::string, std::size_t> dead_;
  std::map<std::string, Report::Host> hosts_;
  std::vector<std::int64_t> times_;
};

}  // namespace

Report collect_report(const std::string& directory) {
  Collector collector;
  each_line(files::pages(directory), [&](const Json& line) { collector.take(line); });
  if (!collector.report.dead.empty()) {
    each_line(files::links(directory), [&](const Json& line) { collector.take_links(line); });
  }
  collector.finish();
  return std::move(collector.report);
}

}  // namespace crawler
