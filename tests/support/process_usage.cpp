#include "tests/support/process_usage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace joinery::testing {

namespace {

std::uint64_t number_behind(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::uint64_t value = 0;
    if (word == name && file >> value) return value;
  }
  return 0;
}

std::string status_of(pid_t process) { return fmt::format("/proc/{}/status", process); }

}  // namespace

std::uint64_t memory_kb_of(pid_t process) { return number_behind(status_of(process), "VmRSS:"); }
std::uint64_t peak_memory_kb_of(pid_t process) { return number_behind(status_of(process), "VmHWM:"); }
std::uint64_t threads_of(pid_t process) { return number_behind(status_of(process), "Threads:"); }

std::uint64_t descriptors_of(pid_t process) {
  std::error_code ignored;
  const std::filesystem::directory_iterator open(fmt::format("/proc/{}/fd", process), ignored);
  return static_cast<std::uint64_t>(std::distance(open, std::filesystem::directory_iterator{}));
}

double cpu_seconds_of(pid_t process) {
  std::ostringstream text;
  text << std::ifstream(fmt::format("/proc/{}/stat", process)).rdbuf();
  // Behind the name, which may have spaces: state and ten more, then user and system time.
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t bytes_below(const std::string& directory) {
  std::uint64_t sum = 0;
  std::error_code ignored;
  for (std::filesystem::recursive_directory_iterator file(directory, ignored), end; file != end;
       file.increment(ignored)) {
    if (file->is_regular_file(ignored)) sum += file->file_size(ignored);
  }
  return sum;
}

}  // namespace joinery::testing
