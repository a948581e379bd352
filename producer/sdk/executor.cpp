#include "joinery/executor.h"

#include "producer/sdk/calls.h"
#include "producer/sdk/runner.h"

namespace joinery {

Executor::Executor(const Program& program, PoolOptions options)
    : runner_(std::make_shared<sdk::Runner>(program, options)) {}

Executor::~Executor() {
  shutdown();
  runner_->terminate();  // nothing is left; streams and futures may keep it a little longer
}

void Executor::shutdown(bool wait, bool cancel_futures) {
  runner_->close();
  if (cancel_futures) runner_->cancel_waiting();
  if (wait) runner_->join({});
}

std::shared_ptr<sdk::Cell> Executor::start_one(sdk::Call call) {
  return sdk::submit_one(*runner_, std::move(call), {});
}

sdk::Stream Executor::start_stream(const std::string& task, bool chunked, std::size_t chunksize,
                                   sdk::Stream::Pull pull) {
  return sdk::open_stream(runner_, task, chunked, chunksize, true, std::move(pull));
}

}  // namespace joinery
