// One producer and three consumers over a queue that holds ten items at most: put() waits while it is full.
#include <joinery/process.h>
#include <joinery/queue.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr int items = 30;
constexpr int end_of_work = -1;

void produce(joinery::Queue<int> queue, int consumers) {
  for (int item = 0; item < items; ++item) queue.put(item);
  for (int i = 0; i < consumers; ++i) queue.put(end_of_work);
}

void consume(joinery::Queue<int> queue, joinery::Queue<std::string> report) {
  for (int item = queue.get(); item != end_of_work; item = queue.get()) {
    report.put("item " + std::to_string(item));
  }
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto producer = program.task("produce", produce);
  auto consumer = program.task("consume", consume);
  if (auto code = program.child()) return *code;

  const joinery::QueueSettings settings{.endpoint = program.endpoint()};
  auto small = settings;
  small.maxsize = 10;
  joinery::Queue<int> queue({}, small);
  joinery::Queue<std::string> report({}, settings);

  std::vector<joinery::Process> processes{{program, producer.bind(queue, 3)}};
  for (int i = 0; i < 3; ++i) processes.emplace_back(program, consumer.bind(queue, report));
  for (auto& process : processes) process.start();
  for (int i = 0; i < items; ++i) std::printf("%s\n", report.get().c_str());
  for (auto& process : processes) process.join();
}
