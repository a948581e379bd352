// A worker of your own with three typed handlers.
//
//   add-worker --processes 2
#include <joinery/worker.h>

#include <numeric>
#include <stdexcept>

namespace {

int add(int a, int b) { return a + b; }

double mean(const std::vector<double>& values) {
  if (values.empty()) throw joinery::Reject("there is no mean of nothing");  // for good: a retry cannot help
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Splits a range into halves, each a child job of the same batch: joining the batch waits for all of them.
void split(joinery::JobContext& job, int from, int to) {
  if (to - from < 10) return;
  const int middle = from + (to - from) / 2;
  job.submit("split", joinery::pack(from, middle));
  job.submit("split", joinery::pack(middle, to));
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle("add", add);
  worker.handle("mean", mean);
  worker.handle("split", split);
  return worker.run(argc, argv);
}
