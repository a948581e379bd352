// Python's first example of a pool: jobs submitted one by one, results asked for later, and a time limit.
//
//   pool_apply_async [number]
#include <joinery/pool.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

long fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

void sleep_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  auto fib = program.task("fibonacci", fibonacci);
  auto nap = program.task("sleep", sleep_for);
  if (auto code = program.child()) return *code;

  joinery::Pool pool(program, {.processes = 4});
  std::vector<joinery::AsyncResult<long>> results;
  const int number = argc > 1 ? std::atoi(argv[1]) : 10;
  for (int i = 0; i < number; ++i) results.push_back(pool.apply_async(fib, {i}));
  for (const auto& result : results) std::printf("%ld\n", result.get(std::chrono::seconds(30)));

  // get() gives up waiting; a time limit of the job ends the job itself.
  auto slow = pool.apply_async(nap, {3600.0}, {.timeout = std::chrono::milliseconds(100)});
  try {
    slow.get();
  } catch (const joinery::RemoteError& error) {
    std::printf("%.*s\n", static_cast<int>(word(error.code()).size()), word(error.code()).data());
  }
  pool.close();
  pool.join();
} catch (const std::exception& error) {
  std::fprintf(stderr, "pool_apply_async: %s\n", error.what());
  return 1;
}
