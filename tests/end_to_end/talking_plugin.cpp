// A handler that says what it does, for history_test: the first attempt fails.
#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "worker/handlers/plugin.h"
#include "worker/handlers/registry.h"

namespace {

joinery::Buffer talk(joinery::JobContext& job, joinery::Bytes) {
  job.log("info", fmt::format("attempt {} begins", job.attempt()));
  job.progress(0.5, "half");
  if (job.attempt() == 1) throw std::runtime_error("lost the thread");
  job.log("warning", "nearly done");
  return {};
}

// Half way, until it is told to stop.
joinery::Buffer go_half_way(joinery::JobContext& job, joinery::Bytes) {
  job.progress(0.5, "half way");
  while (!job.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  throw std::runtime_error("told to stop");
}

}  // namespace

JOINERY_PLUGIN(registry) {
  registry.add("talk", talk);
  registry.add("linger", go_half_way);
}
