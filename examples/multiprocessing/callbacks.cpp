// Fetches pages in several processes and parses each in the callback, in the one process that collects: no
// lock is needed, as callbacks come one at a time.
//
//   callbacks FILE...
#include <joinery/pool.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>

namespace {

std::string fetch(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string title_of(const std::string& page) {
  const auto begin = page.find("<title>");
  const auto end = page.find("</title>");
  return begin == std::string::npos || end == std::string::npos ? ""
                                                                : page.substr(begin + 7, end - begin - 7);
}

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  auto fetch_task = program.task("fetch", fetch);
  if (auto code = program.child()) return *code;

  std::map<std::string, std::string> titles;
  joinery::Pool pool(program, {.processes = 3});
  for (int i = 1; i < argc; ++i) {
    const std::string path = argv[i];
    pool.apply_async(fetch_task, {path},
                     {.callback = [&titles, path](const std::string& page) { titles[path] = title_of(page); },
                      .error_callback =
                          [&titles, path](const joinery::RemoteError& error) {
                            titles[path] = "error: " + error.message();
                          }});
  }
  pool.close();
  pool.join();  // the callbacks have run
  for (const auto& [path, title] : titles) std::printf("%s: %s\n", path.c_str(), title.c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "callbacks: %s\n", error.what());
  return 1;
}
