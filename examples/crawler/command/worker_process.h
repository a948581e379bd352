// The worker that a crawl starts for itself: this program again, as a joinery-worker. Started again if it
// dies.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crawler {

class WorkerProcess {
 public:
  // `arguments` of joinery-worker; what it writes goes to the end of `log`.
  WorkerProcess(std::vector<std::string> arguments, std::string log);
  ~WorkerProcess();  // stops it in order, and waits for that
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Starts it again if it has ended. Throws std::runtime_error if it ends each time at once.
  void look_after();

 private:
  void start();

  const std::vector<std::string> arguments_;
  const std::string log_;
  pid_t pid_ = -1;
  long long started_ms_ = 0;
  int early_ends_ = 0;
};

}  // namespace crawler
