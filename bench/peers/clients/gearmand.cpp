// gearmand: background jobs and one worker, in Gearman's binary protocol, pipelined.
#include <fmt/format.h>

#include <cstring>

#include "bench/peers/clients/client.h"

namespace joinery::bench {
namespace {

enum Type : std::uint32_t {
  can_do = 1,
  pre_sleep = 4,
  noop = 6,
  job_created = 8,
  grab_job = 9,
  no_job = 10,
  job_assign = 11,
  work_complete = 13,
  echo_req = 16,
  echo_res = 17,
  submit_job_bg = 18,
};

std::string big_endian(std::uint32_t value) {
  std::string bytes(4, 0);
  for (int i = 3; i >= 0; --i, value >>= 8)
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
  return bytes;
}

std::uint32_t from_big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::string packet(Type type, std::string_view body) {
  return std::string("\0REQ", 4) + big_endian(type) + big_endian(static_cast<std::uint32_t>(body.size())) +
         std::string(body);
}

struct Packet {
  std::uint32_t type = 0;
  std::string_view body;
};

Packet read(Connection& server) {
  const std::string_view header = server.take(12);
  if (!header.starts_with(std::string_view("\0RES", 4))) unexpected("a packet of the server", header);
  const std::uint32_t type = from_big_endian(header.substr(4, 4));
  return {type, server.take(from_big_endian(header.substr(8)))};
}

// The unique id is empty: the server makes one, which costs it less than to look up ours.
void produce(Connection& server, const Options& options) {
  const std::string body = std::string("noop\0\0", 6) + std::string(options.payload, 'x');
  const std::string one = packet(submit_job_bg, body);
  put_all(server, options, one, [&](std::uint64_t count) {
    for (; count != 0; --count) {
      const Packet answer = read(server);
      if (answer.type != job_created) unexpected("JOB_CREATED", answer.body);
    }
  });
}

// A worker that got nothing says so and is woken by NOOP; one may also be there from before.
void sleep_until_woken(Connection& server) {
  server.write(packet(pre_sleep, ""));
  while (read(server).type != noop) {
  }
}

void consume(Connection& server, const Options& options) {
  const std::string grab = packet(grab_job, "");
  server.write(packet(can_do, "noop"));
  for (std::uint64_t finished = 0; finished < options.jobs;) {
    const std::uint64_t grabs = std::min<std::uint64_t>(options.batch, options.jobs - finished);
    server.write(repeat(grab, grabs));
    std::uint64_t assigned = 0;
    for (std::uint64_t answered = 0; answered < grabs;) {
      const Packet answer = read(server);
      if (answer.type == noop) continue;
      ++answered;
      if (answer.type == no_job) continue;
      if (answer.type != job_assign) unexpected("JOB_ASSIGN or NO_JOB", answer.body);
      const std::string_view handle = answer.body.substr(0, answer.body.find('\0') + 1);
      server.write(packet(work_complete, handle));
      ++assigned;
    }
    finished += assigned;
    if (assigned == 0) sleep_until_woken(server);
  }
  server.write(packet(echo_req, "done"));  // answered when every WORK_COMPLETE before it has been read
  while (read(server).type != echo_res) {
  }
}

}  // namespace
}  // namespace joinery::bench

int main(int argc, char** argv) {
  using namespace joinery::bench;
  return run({"gearmand", nullptr, nullptr, produce, consume}, argc, argv);
}
