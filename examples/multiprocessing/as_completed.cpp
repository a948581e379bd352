// concurrent.futures' example of primes: results as they come, those that failed among them.
#include <joinery/executor.h>

#include <cstdio>
#include <stdexcept>

namespace {

bool is_prime(std::int64_t n) {
  if (n < 0) throw std::invalid_argument("negative");
  if (n < 2) return false;
  for (std::int64_t i = 2; i * i <= n; ++i) {
    if (n % i == 0) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  auto prime = program.task("is_prime", is_prime);
  if (auto code = program.child()) return *code;

  joinery::Executor executor(program, {.processes = 2});
  std::vector<joinery::Future<bool>> futures;
  for (const std::int64_t number : {112272535095293LL, 115280095190773LL, 1099726899285419LL, -1LL})
    futures.push_back(executor.submit(prime, number));
  int primes = 0;
  for (auto& future : joinery::as_completed(futures, std::chrono::minutes(5))) {
    if (const auto error = future.exception()) {
      std::printf("an error: %s\n", error->message().c_str());
    } else if (future.result()) {
      ++primes;
    }
  }
  std::printf("%d primes\n", primes);
} catch (const std::exception& error) {
  std::fprintf(stderr, "as_completed: %s\n", error.what());
  return 1;
}
