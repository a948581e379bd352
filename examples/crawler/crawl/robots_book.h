// What is known of the robots.txt of each origin, shared by the workers of a crawl: a file per origin, read
// once per process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "robots/robots.h"

namespace crawler {

struct RobotsEntry {
  enum class State : std::uint8_t {
    unknown,  // nobody has asked, or too long ago
    coming,   // a redirect is being followed, by a job of its own
    known,
    unreachable,  // the server could not say: nothing is allowed for a while
  };
  State state = State::unknown;
  Robots robots;
  std::string message;  // why it is unreachable
};

class RobotsBook {
 public:
  RobotsBook(std::string directory, std::string product)
      : directory_(std::move(directory)), product_(std::move(product)) {}

  std::shared_ptr<const RobotsEntry> look(const std::string& origin);
  // `text` is that of a file, or why there is none. Throws std::runtime_error.
  void write(const std::string& origin, RobotsEntry::State state, const std::string& text);

 private:
  struct Cached {
    std::shared_ptr<const RobotsEntry> entry;
    std::int64_t until_ms = 0;
  };
  std::string file_of(const std::string& origin) const;
  Cached parse(const std::string& origin) const;

  const std::string directory_;
  const std::string product_;
  std::mutex mutex_;
  std::map<std::string, Cached> cached_;
};

}  // namespace crawler
