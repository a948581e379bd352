// beanstalkd: put, reserve and delete, pipelined over one connection each way.
#include <fmt/format.h>

#include "bench/peers/clients/client.h"

namespace joinery::bench {
namespace {

void produce(Connection& server, const Options& options) {
  const std::string one =
      fmt::format("put 1024 0 3600 {}\r\n{}\r\n", options.payload, std::string(options.payload, 'x'));
  put_all(server, options, one, [&](std::uint64_t count) {
    for (; count != 0; --count) {
      const std::string_view line = server.line();
      if (!line.starts_with("INSERTED ")) unexpected("INSERTED", line);
    }
  });
}

// Commands of a connection are done in order, so that a reserve which waits for a job holds up what was sent
// behind it: no more is ever reserved than will come. Answers are those of the deletes or of the reserves.
void consume(Connection& server, const Options& options) {
  std::uint64_t reserved = 0;
  const auto reserve = [&] {
    if (reserved == options.jobs) return;
    server.write("reserve\r\n");
    ++reserved;
  };
  for (std::uint32_t i = 0; i < options.window; ++i) reserve();
  for (std::uint64_t finished = 0; finished < options.jobs;) {
    const std::string_view line = server.line();
    if (line == "DELETED") {
      ++finished;
      continue;
    }
    if (!line.starts_with("RESERVED ")) unexpected("RESERVED or DELETED", line);
    const std::string_view rest = line.substr(9);
    const auto space = rest.find(' ');
    server.write(fmt::format("delete {}\r\n", rest.substr(0, space)));
    reserve();
    server.take(number(rest.substr(space + 1)) + 2);
  }
}

}  // namespace
}  // namespace joinery::bench

int main(int argc, char** argv) {
  using namespace joinery::bench;
  return run({"beanstalkd", nullptr, nullptr, produce, consume}, argc, argv);
}
