// The live view of a crawl: what its workers have written so far, in one line on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "store/lines.h"

namespace crawler {

class View {
 public:
  explicit View(std::string directory) : directory_(std::move(directory)) {}

  // Reads what is new.
  void refresh();
  // `waiting`, `running`: jobs, as the broker counts them.
  void show(std::uint64_t waiting, std::uint64_t running, const std::string& trouble);
  void end();  // leaves the line
  std::uint64_t pages() const { return pages_; }
  std::string summary() const;

 private:
  void take(const Json& line);

  const std::string directory_;
  const bool terminal_ = is_terminal();
  static bool is_terminal();
  std::map<std::string, LineTail> tails_;
  std::uint64_t pages_ = 0;
  std::uint64_t bytes_ = 0;
  std::map<std::string, std::uint64_t> errors_;
  std::set<std::string> hosts_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_at_ = began_;
  std::uint64_t shown_pages_ = 0;
};

}  // namespace crawler
