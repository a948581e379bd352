// A handler that says what it does, for history_test: the first attempt fails.
#include <fmt/format.h>

#include <stdexcept>

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

}  // namespace

JOINERY_PLUGIN(registry) { registry.add("talk", talk); }
