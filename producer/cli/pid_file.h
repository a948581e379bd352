// The file DATA_DIR/up.pid: held locked as long as its `joinery up` lives, so that a stale one is known and a
// pid that now is another's is never signalled.
#pragma once

#include <sys/types.h>

#include <string>

#include "shared/base/error.h"
#include "shared/base/unique_fd.h"

namespace joinery::cli {

class PidFile {
 public:
  // Takes it for this process. journal_locked if another `joinery up` holds it.
  static Result<PidFile> take(const std::string& data_dir);
  // The process that holds it. unknown_worker if there is none.
  static Result<pid_t> holder(const std::string& data_dir);

 private:
  explicit PidFile(unique_fd fd) : fd_(std::move(fd)) {}
  unique_fd fd_;  // not inherited by children: the lock ends with this process
};

}  // namespace joinery::cli
