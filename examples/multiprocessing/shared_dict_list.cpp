// Ten processes write to one dict and one list: what Python's Manager().dict() and list() are for.
#include <joinery/client.h>
#include <joinery/managers.h>
#include <joinery/process.h>
#include <joinery/values.h>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto fill =
      program.task("fill", [&program](const std::string& dict_name, const std::string& list_name, int i) {
        joinery::Client client(program.endpoint());
        const auto manager = joinery::manager(client);
        joinery::Dict<int, std::string> dict(manager, dict_name);
        joinery::List<int> list(manager, list_name);
        dict[i] = "process " + std::to_string(i);
        list.append(i);
      });
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  const auto manager = joinery::manager(client);
  joinery::Dict<int, std::string> dict(manager);  // anonymous: gone with this program
  joinery::List<int> list(manager);

  std::vector<joinery::Process> processes;
  for (int i = 0; i < 10; ++i) processes.emplace_back(program, fill.bind(dict.name(), list.name(), i));
  for (auto& process : processes) process.start();
  for (auto& process : processes) process.join();

  list.sort();
  for (const auto& [key, value] : dict.items()) std::printf("%d: %s\n", key, value.c_str());
  for (int i : list.items()) std::printf("%d ", i);
  std::printf("\n");
}
