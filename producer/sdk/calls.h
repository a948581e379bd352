// How calls of Pool and Executor become jobs of the Runner.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "joinery/pool.h"

namespace joinery::sdk {

// Called when all jobs have their answers; may be empty.
using Then = std::function<void(const Cell&)>;

std::shared_ptr<Cell> submit_one(Runner& runner, Call call, Then then);
std::shared_ptr<Cell> submit_chunks(Runner& runner, Call call, Then then);
Stream open_stream(std::shared_ptr<Runner> runner, const std::string& task, bool chunked,
                   std::size_t chunksize, bool ordered, Stream::Pull pull);

}  // namespace joinery::sdk
