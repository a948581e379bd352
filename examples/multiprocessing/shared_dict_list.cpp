// Ten tasks write to one dict and one list: what Python's Manager().dict() and list() are for.
#include <joinery/client.h>
#include <joinery/job_manager.h>
#include <joinery/managers.h>
#include <joinery/pool.h>
#include <joinery/program.h>
#include <joinery/values.h>

#include <cstdio>
#include <numeric>

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto fill =
      program.task("fill", [](joinery::JobContext& job, std::string dict_name, std::string list_name, int i) {
        const auto manager = joinery::manager(job);
        joinery::Dict<int, std::string> dict(manager, dict_name);
        joinery::List<int> list(manager, list_name);
        dict[i] = "task " + std::to_string(i);
        list.append(i);
      });
  if (auto code = program.child()) return *code;

  joinery::Client client(program.endpoint());
  const auto manager = joinery::manager(client);
  joinery::Dict<int, std::string> dict(manager);  // anonymous: gone with this program
  joinery::List<int> list(manager);

  joinery::Pool pool(program, {.processes = 4});
  std::vector<std::tuple<std::string, std::string, int>> arguments;
  for (int i = 0; i < 10; ++i) arguments.emplace_back(dict.name(), list.name(), i);
  pool.starmap(fill, arguments);

  list.sort();
  for (const auto& [key, value] : dict.items()) std::printf("%d: %s\n", key, value.c_str());
  for (int i : list.items()) std::printf("%d ", i);
  std::printf("\n");
}
