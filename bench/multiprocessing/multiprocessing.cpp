// Joinery's facades and Python's multiprocessing under the same loads in one run: items of 100 bytes, real
// processes, the broker and its Redis started here. Python's queue is in memory; ours is durable (sync)
// unless it says "none".
//
//   bench-multiprocessing [--json FILE] [items [calls]]
#include <fmt/format.h>
#include <joinery/dict.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pool.h>
#include <joinery/process.h>
#include <joinery/queue.h>

#include <fstream>
#include <map>
#include <sstream>

#include "bench/support/timing.h"
#include "tests/support/stack.h"

namespace {

using joinery::bench::median_us;
using joinery::bench::seconds_of;
using Numbers = std::map<std::string, double>;
using Tasks = joinery::JoinableQueue<std::string>;

struct Load {
  std::size_t items = 50'000;
  int calls = 2000;
};

void consume(Tasks tasks) {
  for (std::string item = tasks.get(); !item.empty(); item = tasks.get()) tasks.task_done();
  tasks.task_done();
}

struct Bench {
  const joinery::Program& program;
  joinery::Task<void(Tasks)> consume;
  joinery::Task<std::string(std::string)> echo;
  std::string endpoint;
  Load load;
  std::vector<std::string> items;

  // Items per second from the first put() to the end of join(), with one consumer that is there already.
  double queue(joinery::Durability durability, bool bulk) const {
    joinery::QueueSettings settings;
    settings.endpoint = endpoint;
    settings.durability = durability;
    Tasks tasks({}, settings);
    joinery::Process consumer(program, consume.bind(tasks));
    consumer.start();
    tasks.put("ready");
    tasks.join();
    const double taken = seconds_of([&] {
      if (bulk) {
        tasks.put_many(items);
      } else {
        for (const std::string& item : items) tasks.put(item);
      }
      tasks.join();
    });
    tasks.put("");
    consumer.join();
    return static_cast<double>(items.size()) / taken;
  }

  void pool(Numbers& numbers) const {
    joinery::Pool pool(program, {.processes = 2});
    pool.map(echo, std::vector<std::string>(100, items[0]), 1);
    numbers["pool_map_1"] = static_cast<double>(items.size()) / seconds_of([&] { pool.map(echo, items, 1); });
    numbers["apply_us"] = median_us(load.calls, [&] { pool.apply(echo, items[0]); });
  }

  void shared(Numbers& numbers) const {
    joinery::Client client(endpoint);
    const auto manager = joinery::manager(client);
    joinery::Dict<std::string, std::string> dict(manager);
    joinery::Lock lock(manager, "bench");
    numbers["dict_set_us"] = median_us(load.calls, [&] { dict.set("key", items[0]); });
    numbers["dict_get_us"] = median_us(load.calls, [&] { dict.get("key"); });
    numbers["lock_us"] = median_us(load.calls, [&] {
      lock.acquire();
      lock.release();
    });
  }

  Numbers run() const {
    Numbers numbers;
    numbers["queue"] = queue(joinery::Durability::sync, false);
    numbers["queue_none_bulk"] = queue(joinery::Durability::none, true);
    pool(numbers);
    shared(numbers);
    return numbers;
  }
};

Numbers python(const Load& load) {
  const auto finished = joinery::testing::run(
      {"python3", PYTHON_BENCH, std::to_string(load.items), std::to_string(load.calls)});
  if (finished.status != 0) fmt::print(stderr, "python: {}\n", finished.err);
  Numbers numbers;
  std::istringstream lines(finished.out);
  std::string name;
  double value = 0;
  while (lines >> name >> value) numbers[name] = value;
  return numbers;
}

struct Row {
  const char* ours;
  const char* theirs;
  const char* text;
  bool smaller_is_better;
  double target;  // times Python
};

constexpr Row rows[] = {
    {"queue", "queue", "JoinableQueue, sync, one by one, items/s", false, 1},
    {"queue_none_bulk", "queue", "JoinableQueue, none, put_many, items/s", false, 3},
    {"pool_map_1", "pool_map_1", "Pool.map, chunks of 1, items/s", false, 3},
    {"apply_us", "apply_us", "Pool.apply, none, median us", true, 1},
    {"dict_set_us", "dict_set_us", "Dict set, median us", true, 1},
    {"dict_get_us", "dict_get_us", "Dict get, median us", true, 1},
    {"lock_us", "lock_us", "Lock acquire and release, median us", true, 1},
};

std::string report(Numbers& ours, Numbers& theirs) {
  std::string json = "[\n";
  fmt::print("{:<42} {:>10} {:>10} {:>8} {:>8}\n", "", "Python", "Joinery", "times", "target");
  for (const Row& row : rows) {
    const double mine = ours[row.ours];
    const double other = theirs[row.theirs];
    const double factor = row.smaller_is_better ? other / mine : mine / other;
    fmt::print("{:<42} {:>10.0f} {:>10.0f} {:>8.2f} {:>8.0f}\n", row.text, other, mine, factor, row.target);
    json += fmt::format(
        "  {{\"name\": \"{}\", \"python\": {:.1f}, \"joinery\": {:.1f}, \"times\": {:.3f}, \"target\": "
        "{}}}{}\n",
        row.text, other, mine, factor, row.target, &row == std::end(rows) - 1 ? "" : ",");
  }
  return json + "]\n";
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto consumer = program.task("consume", consume);
  auto echo = program.task("echo", [](std::string item) { return item; });
  if (const auto code = program.child()) return *code;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string file;
  if (arguments.size() >= 2 && arguments[0] == "--json") {
    file = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  Load load;
  if (!arguments.empty()) load.items = std::stoul(arguments[0]);
  if (arguments.size() > 1) load.calls = std::stoi(arguments[1]);

  const joinery::testing::Stack stack;
  joinery::Program with_stack(0, nullptr, {.endpoint = stack.endpoint()});
  with_stack.task("consume", consume);
  const std::vector<std::string> items(load.items, std::string(100, 'x'));
  const Bench bench{with_stack, consumer, echo, stack.endpoint(), load, items};
  Numbers ours = bench.run();
  Numbers theirs = python(load);
  const std::string json = report(ours, theirs);
  if (!file.empty()) std::ofstream(file) << json;
}
