#include "producer/cli/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "producer/cli/human.h"

namespace joinery::cli {
namespace {

constexpr std::size_t bar_columns_max = 30;

std::size_t stderr_columns() {
  winsize window{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

std::string rate_text(double per_second) {
  return per_second >= 100 ? count(static_cast<std::uint64_t>(per_second))
                           : fmt::format("{:.1f}", per_second);
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t columns) {
  const std::size_t filled =
      total == 0 ? 0 : static_cast<std::size_t>(columns * std::min(done, total) / total);
  return "[" + std::string(filled, '#') + std::string(columns - filled, '.') + "]";
}

}  // namespace

std::string draw(const Progress& progress, std::uint64_t before, Duration elapsed, std::size_t columns) {
  const Counts& counts = progress.counts;
  const std::uint64_t done = counts.finished();
  const std::uint64_t bad = counts.failed + counts.cancelled + counts.expired;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double rate = seconds > 0 ? static_cast<double>(done - std::min(before, done)) / seconds : 0;
  std::string words =
      fmt::format(" {} of {}{}", count(done), count(progress.total), progress.total_is_final ? "" : "+");
  if (bad != 0) words += fmt::format(", {} failed", count(bad));
  if (counts.running != 0) words += fmt::format(", {} running", count(counts.running));
  words += fmt::format("  {}/s", rate_text(rate));
  if (rate > 0 && progress.total_is_final && done < progress.total)
    words += "  " +
             span(static_cast<std::int64_t>(static_cast<double>(progress.total - done) / rate * 1000)) +
             " left";
  const std::size_t room = columns > width(words) + 2 ? columns - width(words) - 2 : 0;
  if (room < 4) return cut(words.substr(1), columns);
  return bar(done, progress.total, std::min(room, bar_columns_max)) + words;
}

Bar::Bar(const Output& out, Mono began) : shown_(out.watched()), began_(began) {}
Bar::~Bar() { clear(); }

void Bar::show(const Progress& progress, Mono now) {
  if (!shown_) return;
  if (!before_) before_ = progress.counts.finished();
  fmt::print(stderr, "\r{}\033[K", draw(progress, *before_, now - began_, stderr_columns() - 1));
  std::fflush(stderr);
  drawn_ = true;
}

void Bar::clear() {
  if (!std::exchange(drawn_, false)) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

}  // namespace joinery::cli
