#include "report/merge.h"

#include <fstream>
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

// Two passes, so that only addresses are held in memory.
void merge(const std::string& directory, std::string_view kind, const char* name, const std::string& into) {
  const auto parts = files::parts_of(directory, kind);
  std::unordered_map<std::string, Latest> latest;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    std::uint64_t number = 0;
    each_line(parts[part], [&](const Json& line) {
      const std::uint64_t fence = line.value("fence", std::uint64_t{0});
      Latest& its = latest[line.value(name, "")];
      if (fence >= its.fence) its = {fence, part, number};
      ++number;
    });
  }
  const std::string beside = into + ".new";
  std::ofstream out(beside, std::ios::binary);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    std::uint64_t number = 0;
    each_line(parts[part], [&](const Json& line) {
      const Latest& its = latest[line.value(name, "")];
      if (its.part == part && its.line == number) out << line.dump() << '\n';
      ++number;
    });
  }
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
