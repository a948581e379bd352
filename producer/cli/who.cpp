#include "producer/cli/who.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

namespace joinery::cli {

std::string user_and_host() {
  const char* user = std::getenv("USER");
  char host[256] = "?";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}@{}", user == nullptr ? fmt::format("uid {}", ::getuid()) : user, host);
}

}  // namespace joinery::cli
