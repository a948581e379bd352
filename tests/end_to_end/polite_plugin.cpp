// Handlers that slow their key down, for limits_test.
#include "worker/handlers/plugin.h"
#include "worker/handlers/registry.h"

namespace {

// Its jobs start an hour apart from now on.
joinery::Buffer apart(joinery::JobContext& job, joinery::Bytes) {
  job.set_delay("host:apart", std::chrono::hours(1));
  return {};
}

// None starts within an hour.
joinery::Buffer closed(joinery::JobContext& job, joinery::Bytes) {
  job.block_until("host:closed", joinery::read_clocks().wall + std::chrono::hours(1));
  return {};
}

joinery::Buffer wrong(joinery::JobContext& job, joinery::Bytes) {
  job.set_delay("host//", std::chrono::hours(1));
  return {};
}

}  // namespace

JOINERY_PLUGIN(registry) {
  registry.add("apart", apart);
  registry.add("closed", closed);
  registry.add("wrong", wrong);
}
