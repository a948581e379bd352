// Submits add(2, 3) and prints its result.
//
//   add-submit [tcp://127.0.0.1:7733]
#include <joinery/client.h>
#include <joinery/pack.h>

#include <cstdio>

int main(int argc, char** argv) try {
  joinery::Client client(argc > 1 ? argv[1] : "tcp://127.0.0.1:7733");
  joinery::SubmitOptions options;
  options.spec.result_ttl_s = 3600;
  const joinery::JobId id = client.submit("add", joinery::pack(2, 3), options).get();
  const auto result = client.result(id, std::chrono::seconds(30));
  std::printf("add(2, 3) = %d\n", joinery::unpack<int>(result.value));
} catch (const std::exception& error) {
  std::fprintf(stderr, "add-submit: %s\n", error.what());
  return 1;
}
