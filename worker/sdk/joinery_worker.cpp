// The program joinery-worker: a worker with no handlers of its own; they come from plug-ins, commands (exec)
// and programs of worker.toml.
#include "worker/sdk/joinery/worker.h"

int main(int argc, char** argv) {
  joinery::Worker worker;
  return worker.run(argc, argv);
}
