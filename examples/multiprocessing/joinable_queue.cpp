// A hundred tasks, four consumers that run for ever, and a join() that returns when all tasks are done. The
// consumers are daemons: they end with this program. One of them is killed on the way; its task is done by
// another one.
#include <joinery/process.h>
#include <joinery/queue.h>

#include <cstdio>
#include <vector>

namespace {

void consume(joinery::JoinableQueue<int> tasks, joinery::Queue<int> squares) {
  for (const int number : tasks) {
    squares.put(number * number);
    squares.flush();  // before the task counts as done
    tasks.task_done();
  }
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto consumer = program.task("consume", consume);
  if (auto code = program.child()) return *code;

  const joinery::QueueSettings settings{.endpoint = program.endpoint()};
  joinery::JoinableQueue<int> tasks({}, settings);
  joinery::Queue<int> squares({}, settings);
  std::vector<joinery::Process> consumers;
  for (int i = 0; i < 4; ++i) {
    consumers.emplace_back(program, consumer.bind(tasks, squares), joinery::ProcessOptions{.daemon = true});
    consumers.back().start();
  }
  for (int number = 0; number < 100; ++number) tasks.put(number);
  squares.get();
  consumers.front().kill();  // in Python, tasks.join() could now wait for ever
  consumers.front().join();
  tasks.join();
  std::printf("all tasks are done, %zu consumers are left\n", joinery::active_children().size());
}
