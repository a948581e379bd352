#include "worker/handlers/line_tap.h"

#include <fmt/format.h>

namespace joinery::handlers {

void LineTap::add(Mono now, Bytes chunk) {
  if (now >= second_ + std::chrono::seconds(1)) {
    second_ = now;
    told_ = 0;
    say_skipped();
  }
  for (std::size_t end = chunk.find('\n'); end != Bytes::npos; end = chunk.find('\n')) {
    open_.append(chunk.substr(0, std::min(end, line_max)));
    line(open_);
    open_.clear();
    chunk.remove_prefix(end + 1);
  }
  open_.append(chunk.substr(0, line_max));
  if (open_.size() < line_max) return;
  line(open_);
  open_.clear();
}

void LineTap::end() {
  if (!open_.empty()) line(open_);
  open_.clear();
  say_skipped();
}

void LineTap::line(Bytes text) {
  if (told_ + text.size() > bytes_per_second) {
    ++skipped_;
    return;
  }
  told_ += text.size() + 1;
  job_.log(level_, text.substr(0, line_max));
}

void LineTap::say_skipped() {
  if (skipped_ == 0) return;
  job_.log(level_, fmt::format("({} lines left out)", skipped_));
  skipped_ = 0;
}

}  // namespace joinery::handlers
