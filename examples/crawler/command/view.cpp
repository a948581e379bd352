#include "command/view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "crawl/files.h"
#include "url/url.h"

namespace crawler {

bool View::is_terminal() { return isatty(STDERR_FILENO) == 1; }

void View::refresh() {
  for (const std::string& path : files::parts_of(directory_, "pages-")) {
    const auto tail = tails_.try_emplace(path, path).first;
    tail->second.read([this](std::string_view text) {
      const Json line = Json::parse(text, nullptr, false);
      if (line.is_object()) take(line);
    });
  }
}

void View::take(const Json& line) {
  ++pages_;
  bytes_ += line.value("wire", std::uint64_t{0});
  const int status = line.value("status", 0);
  const std::string error = line.value("error", "");
  if (!error.empty()) {
    ++errors_[error];
  } else if (status >= 400) {
    ++errors_[std::to_string(status)];
  }
  if (const auto url = parse_url(line.value("url", ""))) hosts_.insert(url->authority());
}

void View::show(std::uint64_t waiting, std::uint64_t running, const std::string& trouble) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - shown_at_).count();
  const double rate = static_cast<double>(pages_ - shown_pages_) / std::max(seconds, 0.001);
  shown_at_ = now;
  shown_pages_ = pages_;
  std::string errors;
  for (const auto& [name, number] : errors_) errors += fmt::format(" {}:{}", name, number);
  fmt::print(stderr, "\r{} pages, {:.0f}/s, {:.1f} MB, {} hosts, {} waiting, {} running{}{}{}\033[K", pages_,
             rate, static_cast<double>(bytes_) / 1e6, hosts_.size(), waiting, running,
             errors.empty() ? "" : ", errors:", errors, trouble.empty() ? "" : " (" + trouble + ")");
}

void View::end() {
  if (terminal_) std::fputs("\n", stderr);
}

std::string View::summary() const {
  std::uint64_t errors = 0;
  for (const auto& [name, number] : errors_) errors += number;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  return fmt::format("{} pages of {} hosts, {:.1f} MB, {} errors, in {:.1f} s", pages_, hosts_.size(),
                     static_cast<double>(bytes_) / 1e6, errors, seconds);
}

}  // namespace crawler
