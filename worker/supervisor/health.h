// The file by which `joinery-worker --health` sees that the worker's loop turns.
#pragma once

#include <string>

#include "shared/base/time.h"

namespace joinery::worker {

class HealthFile {
 public:
  explicit HealthFile(std::string path) : path_(std::move(path)) {}
  ~HealthFile();
  HealthFile(const HealthFile&) = delete;
  HealthFile& operator=(const HealthFile&) = delete;
  // Writes "PID STATE" every few seconds, or when the state has changed.
  void turn(Mono now, const char* state);
  Mono next_deadline() const { return path_.empty() ? never_mono : write_at_; }

 private:
  std::string path_;
  const char* state_ = nullptr;
  Mono write_at_{};
};

// Exit code of --health: success if the file was written in the last 30 s; says on stdout or stderr what it
// found.
int check_health(const std::string& path);

}  // namespace joinery::worker
