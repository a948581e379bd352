// What went wrong in the process that ran a task, thrown in the one that asked for it.
#pragma once

#include <memory>
#include <string>

#include "shared/base/exceptions.h"
#include "shared/job/job.h"

namespace joinery {

// code(): handler_error (the task threw), process_died (its process was killed or crashed), hard_time_limit,
// unencodable_result, malformed_payload, cancelled, ...: shared/base/error.h.
class RemoteError : public Exception {
 public:
  RemoteError(std::shared_ptr<const Failure> failure, const std::string& task);

  const std::string& task() const { return task_; }
  // Class of the exception that the task threw ("std::out_of_range"), or "signal", "exit status".
  const std::string& type() const { return failure_->type; }
  const std::string& message() const { return failure_->message; }
  // Worker, process and, if known, the place in the code.
  const std::string& where() const { return failure_->where; }
  // All of it; a crash has its dossier.
  const Failure& failure() const { return *failure_; }

 private:
  std::shared_ptr<const Failure> failure_;
  std::string task_;
};

// A future that was cancelled was asked for its result.
class CancelledError : public Exception {
 public:
  CancelledError() : Exception(Code::cancelled, "the future was cancelled") {}
};

}  // namespace joinery
