// A priority queue: the lowest number comes first, whoever put it and when.
#include <joinery/queue.h>

#include <cstdio>
#include <string>

int main() {
  joinery::QueueSettings settings;
  settings.mode = joinery::Mode::priority;
  joinery::Queue<std::string> queue({}, settings);
  queue.put("write the report", {.priority = 5});
  queue.put("put out the fire", {.priority = 1});
  queue.put("make coffee", {.priority = 3});
  queue.flush();
  while (!queue.empty()) std::printf("%s\n", queue.get().c_str());
}
