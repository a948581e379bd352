#include "producer/cli/items.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace joinery::cli {

Items::Items(int descriptor, char separator)
    : descriptor_(descriptor), separator_(separator), ended_(false) {}
Items::Items(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

Result<bool> Items::next(std::string& item) {
  if (descriptor_ < 0) {
    while (number_ < arguments_.size())
      if (item = arguments_[number_++]; !item.empty()) return true;
    return false;
  }
  for (std::size_t searched = start_;;) {
    const std::size_t end = buffer_.find(separator_, searched);
    if (end == std::string::npos && !ended_) {
      searched = buffer_.size() - start_;  // fill() moves what is left to the front
      if (auto done = fill(); !done) return std::unexpected(done.error());
      continue;
    }
    if (start_ == buffer_.size()) return false;
    const std::size_t stop = std::min(end, buffer_.size());
    item.assign(buffer_, start_, stop - start_);
    start_ = searched = std::min(stop + 1, buffer_.size());
    ++number_;
    if (!item.empty()) return true;
  }
}

std::string Items::place() const {
  const char* kind = descriptor_ >= 0 && separator_ == '\n' ? "line" : "item";
  return fmt::format("{} {}{}", kind, number_, descriptor_ >= 0 ? " of stdin" : "");
}

bool Items::at_hand() const {
  if (descriptor_ < 0) return number_ < arguments_.size();
  return buffer_.find(separator_, start_) != std::string::npos;
}

Result<> Items::fill() {
  constexpr std::size_t chunk = 64U << 10U;
  buffer_.erase(0, start_);
  start_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + chunk);
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, buffer_.data() + before, chunk);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return fail(Code::io_error, std::string("stdin cannot be read: ") + std::strerror(errno));
  ended_ = got == 0;
  return {};
}

}  // namespace joinery::cli
