#include "worker/supervisor/health.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "shared/base/exit_code.h"

namespace joinery::worker {
namespace {

constexpr Duration write_every = std::chrono::seconds(5);
constexpr std::time_t stale_after_s = 30;

}  // namespace

HealthFile::~HealthFile() {
  if (!path_.empty()) std::remove(path_.c_str());
}

void HealthFile::turn(Mono now, const char* state) {
  if (path_.empty() || (now < write_at_ && state == state_)) return;
  std::ofstream(path_, std::ios::trunc) << ::getpid() << ' ' << state << '\n';
  state_ = state;
  write_at_ = now + write_every;
}

int check_health(const std::string& path) {
  if (path.empty()) {
    std::cerr << "joinery-worker: --health needs health_file, the file that the running worker writes\n";
    return static_cast<int>(ExitCode::usage);
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    std::cerr << "not well: there is no " << path << '\n';
    return static_cast<int>(ExitCode::failure);
  }
  const std::time_t age = ::time(nullptr) - info.st_mtime;
  if (age > stale_after_s) {
    std::cerr << "not well: " << path << " was last written " << age << " s ago\n";
    return static_cast<int>(ExitCode::failure);
  }
  std::string line;
  std::getline(std::ifstream(path), line);
  std::cout << "well: " << line << '\n';
  return static_cast<int>(ExitCode::success);
}

}  // namespace joinery::worker
