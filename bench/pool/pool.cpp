// joinery::Pool and Python's multiprocessing.Pool under the same loads, one after the other: items of 100
// bytes, real processes, a queue of durability none.
//
//   bench-pool [processes [calls [items]]]
#include <fmt/format.h>
#include <joinery/pool.h>

#include <map>
#include <sstream>

#include "bench/support/timing.h"
#include "tests/support/stack.h"

namespace {

using joinery::bench::median_us;
using joinery::bench::seconds_of;
using Numbers = std::map<std::string, double>;

Numbers measure(const joinery::Program& program, const joinery::Task<std::string(std::string)>& echo,
                std::uint32_t processes, int calls, std::size_t number) {
  const std::string item(100, 'x');
  const std::vector<std::string> items(number, item);
  const double count = static_cast<double>(number);
  joinery::Pool pool(program, {.processes = processes});
  pool.map(echo, std::vector<std::string>(100, item), 1);
  Numbers numbers;
  numbers["apply_us"] = median_us(calls, [&] { pool.apply(echo, item); });
  numbers["map_1"] = count / seconds_of([&] { pool.map(echo, items, 1); });
  numbers["map"] = count / seconds_of([&] { pool.map(echo, items); });
  numbers["imap_1"] = count / seconds_of([&] {
                        for (const std::string& each : pool.imap(echo, items)) static_cast<void>(each);
                      });
  return numbers;
}

Numbers measure_python(std::uint32_t processes, int calls, std::size_t items) {
  const auto finished = joinery::testing::run(
      {"python3", PYTHON_BENCH, std::to_string(processes), std::to_string(calls), std::to_string(items)});
  Numbers numbers;
  std::istringstream lines(finished.out);
  std::string name;
  double value = 0;
  while (lines >> name >> value) numbers[name] = value;
  return numbers;
}

void print(const char* what, double python, double ours, bool smaller_is_better) {
  const double factor = smaller_is_better ? python / ours : ours / python;
  fmt::print("{:<28} {:>12.0f} {:>12.0f} {:>8.2f} x\n", what, python, ours, factor);
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto echo = program.task("echo", [](std::string item) { return item; });
  if (const auto code = program.child()) return *code;
  const auto number = [&](int index, int usual) { return argc > index ? std::atoi(argv[index]) : usual; };
  const auto processes = static_cast<std::uint32_t>(number(1, 2));
  const int calls = number(2, 2000);
  const auto items = static_cast<std::size_t>(number(3, 50'000));

  joinery::testing::Stack stack;
  const joinery::Program with_stack(0, nullptr, {.endpoint = stack.endpoint()});
  Numbers ours = measure(with_stack, echo, processes, calls, items);
  Numbers python = measure_python(processes, calls, items);
  fmt::print("{:<28} {:>12} {:>12} {:>10}\n", "", "Python", "Joinery", "");
  print("apply, median, us", python["apply_us"], ours["apply_us"], true);
  print("map, chunks of 1, items/s", python["map_1"], ours["map_1"], false);
  print("map, own chunks, items/s", python["map"], ours["map"], false);
  print("imap, chunks of 1, items/s", python["imap_1"], ours["imap_1"], false);
}
