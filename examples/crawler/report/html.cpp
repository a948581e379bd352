// The report as a page: sections of tables and bars.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "report/report.h"
#include "store/digest.h"

namespace crawler {
namespace {

constexpr std::size_t dead_rows_max = 1000;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string link(const std::string& url) {
  return fmt::format("<a href=\"{0}\" rel=nofollow>{0}</a>", escaped(url));
}

std::string size_text(std::uint64_t bytes) {
  double size = static_cast<double>(bytes);
  for (const char* unit : {"B", "KiB", "MiB"}) {
    if (size < 1024) return fmt::format("{:.{}f} {}", size, unit[0] == 'B' ? 0 : 1, unit);
    size /= 1024;
  }
  return fmt::format("{:.1f} GiB", size);
}

// Upright bars over time.
std::string columns_svg(const std::vector<std::uint64_t>& values, std::int64_t slice_ms) {
  constexpr double width = 900;
  constexpr double height = 160;
  const std::uint64_t most = std::max<std::uint64_t>(values.empty() ? 0 : std::ranges::max(values), 1);
  const double step = width / static_cast<double>(std::max<std::size_t>(values.size(), 1));
  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=img>", width, height + 20);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double high = height * static_cast<double>(values[i]) / static_cast<double>(most);
    out += fmt::format("<rect x={:.1f} y={:.1f} width={:.1f} height={:.1f}><title>{} pages</title></rect>",
                       step * static_cast<double>(i), height - high, step * 0.85, high, values[i]);
  }
  const double seconds = static_cast<double>(slice_ms) / 1000;
  return out +
         fmt::format(
             "<text x=0 y={0}>0 s</text><text x={1} y={0} text-anchor=end>{2:.1f} s</text><text x={1} y=12 "
             "text-anchor=end>most: {3:.0f} pages/s</text></svg>",
             height + 16, width, seconds * static_cast<double>(values.size()),
             static_cast<double>(most) / std::max(seconds, 0.001));
}

struct Bar {
  std::string name;
  double value = 0;
  std::string words;
};

// Bars that lie, with their names before them.
std::string bars_svg(const std::vector<Bar>& bars) {
  double most = 1;
  for (const Bar& bar : bars) most = std::max(most, bar.value);
  std::string out = fmt::format("<svg viewBox=\"0 0 900 {}\" role=img>", 22 * bars.size() + 4);
  double y = 0;
  for (const Bar& bar : bars) {
    out += fmt::format(
        "<text x=245 y={:.0f} text-anchor=end>{}</text><rect x=255 y={:.0f} width={:.1f} height=16 /><text "
        "x={:.1f} "
        "y={:.0f}>{}</text>",
        y + 14, escaped(bar.name.substr(0, 34)), y + 2, 480 * bar.value / most, 262 + 480 * bar.value / most,
        y + 14, escaped(bar.words));
    y += 22;
  }
  return out + "</svg>";
}

std::string status_section(const Report& report) {
  std::vector<Bar> bars;
  for (const auto& [status, number] : report.by_status)
    bars.push_back({status, static_cast<double>(number), std::to_string(number)});
  std::ranges::stable_sort(bars, std::ranges::greater(), &Bar::value);
  return "<h2>Status codes and errors</h2>" + bars_svg(bars);
}

std::string hosts_section(const Report& report) {
  std::vector<Bar> bars;
  for (const auto& host : report.hosts) {
    const double mean =
        static_cast<double>(host.total_ms) / static_cast<double>(std::max<std::uint64_t>(host.pages, 1));
    bars.push_back({host.name, mean,
                    fmt::format("{:.0f} ms, {} pages, slowest {} ms", mean, host.pages, host.slowest_ms)});
  }
  return "<h2>Slowest hosts</h2>" + bars_svg(bars);
}

std::string largest_section(const Report& report) {
  std::string out = "<h2>Largest pages</h2><table><tr><th>size<th>page";
  for (const auto& large : report.largest)
    out += fmt::format("<tr><td class=n>{}<td>{}", size_text(large.size), link(large.url));
  return out + "</table>";
}

std::string dead_section(const Report& report) {
  if (report.dead.empty()) return "<h2>Dead links</h2><p>None.";
  std::string out =
      fmt::format("<h2>Dead links: {}</h2><table><tr><th>why<th>address<th>linked from", report.dead.size());
  for (const auto& dead : report.dead | std::views::take(dead_rows_max)) {
    out += fmt::format("<tr><td>{}<td>{}<td>", escaped(dead.why), link(dead.url));
    for (const std::string& from : dead.from) out += link(from) + "<br>";
    if (dead.from_count > dead.from.size())
      out += fmt::format("and {} more", dead.from_count - dead.from.size());
  }
  out += "</table>";
  if (report.dead.size() > dead_rows_max)
    out += fmt::format("<p>The first {}; pages.jsonl has all.", dead_rows_max);
  return out;
}

}  // namespace

std::string report_html(const Report& report, const std::vector<std::string>& seeds) {
  const double seconds =
      static_cast<double>(std::max<std::int64_t>(report.ended_ms - report.began_ms, 1)) / 1000;
  std::string begun_at;
  for (const std::string& seed : seeds) begun_at += (begun_at.empty() ? "" : ", ") + link(seed);
  std::string out =
      "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\"><title>Crawl report</title>"
      "<style>body{font:15px/1.5 sans-serif;max-width:960px;margin:2em auto;padding:0 "
      "1em;color:#222}svg{width:100%}rect{fill:#3673b5}"
      "text{font-size:12px;fill:#333}table{border-collapse:collapse;width:100%}td,th{text-align:left;"
      "vertical-align:top;padding:.2em "
      ".6em;border-bottom:1px solid "
      "#ddd;word-break:break-word}.n{text-align:right;white-space:nowrap}a{color:inherit}</style>";
  out += fmt::format("<h1>Crawl report</h1><p>From {}.<p>{} pages, {} in {:.1f} s: {:.1f} pages/s. Begun {}.",
                     begun_at, report.pages, size_text(report.bytes), seconds,
                     static_cast<double>(report.pages) / seconds, iso_time(report.began_ms));
  out += "<h2>Pages over time</h2>" + columns_svg(report.over_time, report.slice_ms);
  return out + status_section(report) + hosts_section(report) + largest_section(report) +
         dead_section(report) + "</html>\n";
}

}  // namespace crawler
