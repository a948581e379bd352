// A producer or consumer that the tests can kill: says on stdout what it does.
//
//   sdk_queue_subject hold NUMBER ENDPOINT QUEUE    gets NUMBER items, is done with none, and waits
//   sdk_queue_subject work 0 ENDPOINT QUEUE         is done with each item as it comes
//   sdk_queue_subject put NUMBER ENDPOINT QUEUE
//   sdk_queue_subject large NUMBER ENDPOINT QUEUE   puts texts of a mebibyte
#include <joinery/queue.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

void hold(joinery::JoinableQueue<int> queue, int number) {
  for (int i = 0; i < number; ++i) queue.get();
  std::printf("holding\n");
  std::fflush(stdout);
  ::pause();
}

void work(joinery::JoinableQueue<int> queue) {
  for (const int item : queue) {
    std::printf("%d\n", item);
    std::fflush(stdout);
    queue.task_done();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) return 64;
  const std::string_view verb = argv[1];
  const int number = std::atoi(argv[2]);
  joinery::QueueSettings settings;
  settings.endpoint = argv[3];
  if (verb == "large") {
    joinery::Queue<std::string> queue(argv[4], settings);
    for (int i = 0; i < number; ++i) queue.put(std::string(1U << 20U, 'x'));
  }
  if (verb == "hold") hold(joinery::JoinableQueue<int>(argv[4], settings), number);
  if (verb == "work") work(joinery::JoinableQueue<int>(argv[4], settings));
  if (verb == "put") {
    joinery::Queue<int> queue(argv[4], settings);
    for (int i = 0; i < number; ++i) queue.put(i);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
