// A real redis-server of the test's own, on a unix socket.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/redis/redis.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace joinery::testing {

class RedisServer {
 public:
  // Returns when it answers. `options`: more words for its command line.
  explicit RedisServer(std::vector<std::string> options = {});

  redis::Url url() const;
  std::string url_text() const { return redis::to_string_with_secret(url()); }
  // Kills it as a crash would; what it held is lost. start() starts it again at the same place.
  void kill();
  void start();
  // Alive, but silent, until thaw().
  void freeze();
  void thaw();

 private:
  TempDir dir_;
  std::vector<std::string> options_;
  std::unique_ptr<Process> process_;
};

}  // namespace joinery::testing
