// Redis Streams as a job queue by hand: XADD, XREADGROUP, XACK and XDEL, in RESP over one connection each
// way.
#include <fmt/format.h>

#include <vector>

#include "bench/peers/clients/client.h"

namespace joinery::bench {
namespace {

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

std::string command(std::initializer_list<std::string_view> words) {
  std::string all = fmt::format("*{}\r\n", words.size());
  for (const auto word : words) all += bulk(word);
  return all;
}

std::string_view reply(Connection& redis, char kind) {
  const std::string_view line = redis.line();
  if (line.empty() || line.front() != kind) unexpected(fmt::format("a reply of '{}'", kind), line);
  return line.substr(1);
}

std::string_view bulk_reply(Connection& redis) {
  const std::size_t size = number(reply(redis, '$'));
  return redis.take(size + 2).substr(0, size);
}

void prepare(Connection& redis, const Options&) {
  redis.write(command({"DEL", "jobs"}));
  redis.write(command({"XGROUP", "CREATE", "jobs", "pool", "$", "MKSTREAM"}));
  reply(redis, ':');
  reply(redis, '+');
}

void produce(Connection& redis, const Options& options) {
  const std::string one = command({"XADD", "jobs", "*", "p", std::string(options.payload, 'x')});
  put_all(redis, options, one, [&](std::uint64_t count) {
    for (; count != 0; --count) bulk_reply(redis);
  });
}

// Reads what XREADGROUP answers, and returns the ids as RESP, ready to be sent; empty after a time without
// jobs.
std::uint64_t read_ids(Connection& redis, std::string& ids) {
  ids.clear();
  if (redis.line() == "*-1") return 0;
  reply(redis, '*');  // of the one stream: its name and its entries
  bulk_reply(redis);
  const std::uint64_t entries = number(reply(redis, '*'));
  for (std::uint64_t i = 0; i < entries; ++i) {
    reply(redis, '*');
    const std::string_view id = bulk_reply(redis);
    fmt::format_to(std::back_inserter(ids), "${}\r\n{}\r\n", id.size(), id);
    reply(redis, '*');
    bulk_reply(redis);
    bulk_reply(redis);
  }
  return entries;
}

std::string read_jobs(std::uint64_t count) {
  return command({"XREADGROUP", "GROUP", "pool", "one", "COUNT", std::to_string(count), "BLOCK", "1000",
                  "STREAMS", "jobs", ">"});
}

// One round trip per `batch` jobs: the finishes of what came and the request for more go out together.
void consume(Connection& redis, const Options& options) {
  const std::string ack = bulk("XACK") + bulk("jobs") + bulk("pool");
  const std::string del = bulk("XDEL") + bulk("jobs");
  std::string ids;
  std::uint64_t left = options.jobs;
  const auto read = [&] { redis.write(read_jobs(std::min<std::uint64_t>(options.batch, left))); };
  read();
  while (left != 0) {
    const std::uint64_t count = read_ids(redis, ids);
    left -= count;
    if (count != 0) {
      redis.write(fmt::format("*{}\r\n{}{}", 3 + count, ack, ids));
      redis.write(fmt::format("*{}\r\n{}{}", 2 + count, del, ids));
    }
    if (left != 0) read();
    if (count == 0) continue;
    for (const char* what : {"XACK", "XDEL"}) {
      const std::uint64_t done = number(reply(redis, ':'));
      if (done != count) unexpected(fmt::format("{} of {}", what, count), std::to_string(done));
    }
  }
}

}  // namespace
}  // namespace joinery::bench

int main(int argc, char** argv) {
  using namespace joinery::bench;
  return run({"redis", nullptr, prepare, produce, consume}, argc, argv);
}
