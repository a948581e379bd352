#include "worker/handlers/process_tree.h"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace joinery::handlers {

void signal_tree(pid_t root, int number) {
  std::vector<pid_t> tree{root};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    std::error_code gone;
    for (const auto& thread :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", tree[i]), gone)) {
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child;) tree.push_back(child);
    }
  }
  for (const pid_t process : tree) kill(process, number);
}

}  // namespace joinery::handlers
