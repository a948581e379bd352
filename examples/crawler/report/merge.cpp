#include "report/merge.h"

#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

#include "crawl/files.h"
#include "store/lines.h"

namespace crawler {
namespace {

struct Latest {
  std::uint64_t fence = 0;
  std::size_t part = 0;
  std::uint64_t line = 0;
};

// What decides about a line: its fence and what it is about. Of a line of links, which is long, only the
// beginning is read, where keys stand in their order. nullopt: a killed process left it half-written.
struct Head {
  std::uint64_t fence = 0;
  std::string subject;
};
std::optional<Head> head_of(const std::string& line, const char* name) {
  if (!line.ends_with('}')) return std::nullopt;
  const std::size_t targets = line.find(",\"to\":[");
  const Json json =
      Json::parse(targets == std::string::npos ? line : line.substr(0, targets) + "}", nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return Head{json.value("fence", std::uint64_t{0}), json.value(name, "")};
}

void each_raw_line(
    const std::vector<std::string>& parts,
    const std::function<void(std::size_t part, std::uint64_t number, const std::string& line)>& call) {
  for (std::size_t part = 0; part < parts.size(); ++part) {
    std::ifstream file(parts[part], std::ios::binary);
    std::uint64_t number = 0;
    for (std::string line; std::getline(file, line); ++number) call(part, number, line);
  }
}

// Two passes, so that only addresses are held in memory.
void merge(const std::string& directory, std::string_view kind, const char* name, const std::string& into) {
  const auto parts = files::parts_of(directory, kind);
  std::unordered_map<std::string, Latest> latest;
  each_raw_line(parts, [&](std::size_t part, std::uint64_t number, const std::string& line) {
    const auto head = head_of(line, name);
    if (!head) return;
    Latest& its = latest[head->subject];
    if (head->fence >= its.fence) its = {head->fence, part, number};
  });
  std::set<std::pair<std::size_t, std::uint64_t>> taken;
  for (const auto& [subject, its] : latest) taken.emplace(its.part, its.line);
  const std::string beside = into + ".new";
  std::ofstream out(beside, std::ios::binary);
  each_raw_line(parts, [&](std::size_t part, std::uint64_t number, const std::string& line) {
    if (taken.contains({part, number})) out << line << '\n';
  });
  if (!out.flush()) throw std::runtime_error("cannot write " + beside);
  out.close();
  std::filesystem::rename(beside, into);
}

}  // namespace

void merge_parts(const std::string& directory) {
  merge(directory, "pages-", "url", files::pages(directory));
  merge(directory, "links-", "from", files::links(directory));
}

}  // namespace crawler
