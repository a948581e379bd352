// NATS JetStream: a work queue stream in files, asynchronous publishing with a window of acknowledgements,
// and a durable pull consumer that is asked for many messages at a time.
#include <fmt/format.h>

#include <array>

#include "bench/peers/clients/client.h"

namespace joinery::bench {
namespace {

constexpr std::string_view with_headers = "HMSG ";  // a pull that ended: no job

struct Message {
  std::string reply_to;
  std::string body;
  bool job = false;
};

std::string publish(std::string_view subject, std::string_view reply_to, std::string_view body) {
  return fmt::format("PUB {} {} {}\r\n{}\r\n", subject, reply_to, body.size(), body);
}

// MSG subject sid [reply] size, or HMSG subject sid [reply] size-of-headers size.
void read(Connection& server, Message& message) {
  for (;;) {
    const std::string_view line = server.line();
    message.job = line.starts_with("MSG ");
    if (line == "PING") server.write("PONG\r\n");
    if (line.starts_with("-ERR")) unexpected("a message", line);
    if (!message.job && !line.starts_with(with_headers)) continue;
    std::array<std::string_view, 6> words;
    std::size_t count = 0;
    for (std::size_t at = 0; at < line.size() && count < words.size(); ++count) {
      const auto space = std::min(line.find(' ', at), line.size());
      words[count] = line.substr(at, space - at);
      at = space + 1;
    }
    message.reply_to = message.job && count == 5 ? words[3] : std::string_view();
    const std::size_t size = number(words[count - 1]);
    message.body = server.take(size + 2).substr(0, size);
    return;
  }
}

void open(Connection& server) {
  server.line();  // INFO
  server.write(
      "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
  for (std::string_view line = server.line(); line != "PONG"; line = server.line())
    if (line.starts_with("-ERR")) unexpected("PONG", line);
}

// A subject of the connection's own, for answers.
std::string inbox(const Connection& server) { return fmt::format("inbox-{}", fmt::ptr(&server)); }

void request(Connection& server, std::string_view subject, std::string_view body) {
  server.write(publish(subject, inbox(server), body));
  Message answer;
  read(server, answer);
  if (!answer.job || answer.body.contains("\"error\"")) unexpected("an answer without error", answer.body);
}

// A work queue takes only explicit acknowledgements. The stream is created anew for each measurement.
void prepare(Connection& server, const Options& options) {
  server.write(fmt::format("SUB {} 1\r\n", inbox(server)));
  server.write(publish("$JS.API.STREAM.DELETE.JOBS", inbox(server), ""));
  Message answer;
  read(server, answer);
  request(server, "$JS.API.STREAM.CREATE.JOBS",
          R"({"name":"JOBS","subjects":["jobs"],"retention":"workqueue","storage":"file","discard":"old",)"
          R"("max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"num_replicas":1})");
  request(server, "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.pool",
          fmt::format(R"({{"stream_name":"JOBS","config":{{"durable_name":"pool","deliver_policy":"all",)"
                      R"("ack_policy":"explicit","ack_wait":60000000000,"max_ack_pending":{}}}}})",
                      4 * options.window * options.connections));
  server.write("UNSUB 1\r\n");
}

void produce(Connection& server, const Options& options) {
  server.write(fmt::format("SUB {} 1\r\n", inbox(server)));
  const std::string one = publish("jobs", inbox(server), std::string(options.payload, 'x'));
  Message answer;
  put_all(server, options, one, [&](std::uint64_t count) {
    for (; count != 0; --count) {
      read(server, answer);
      if (!answer.body.starts_with("{\"stream\"")) unexpected("an acknowledgement", answer.body);
    }
  });
}

// Two pulls are under way, so that the server never waits for us. An acknowledgement is a message that nobody
// answers; the last one asks for an answer, and the server takes them in order.
void consume(Connection& server, const Options& options) {
  server.write(fmt::format("SUB {} 1\r\n", inbox(server)));
  std::uint64_t asked = 0;
  const auto pull = [&] {
    const std::uint64_t count = std::min<std::uint64_t>(options.batch, options.jobs - asked);
    if (count == 0) return;
    server.write(publish("$JS.API.CONSUMER.MSG.NEXT.JOBS.pool", inbox(server),
                         fmt::format(R"({{"batch":{},"expires":60000000000}})", count)));
    asked += count;
  };
  pull();
  pull();
  Message job;
  for (std::uint64_t finished = 0; finished < options.jobs;) {
    read(server, job);
    if (!job.job) unexpected("a job", "the end of a pull");
    if (++finished == options.jobs)
      server.write(publish(job.reply_to, inbox(server), ""));
    else
      server.write(publish(job.reply_to, "", ""));
    if (finished % options.batch == 0) pull();
  }
  read(server, job);
}

}  // namespace
}  // namespace joinery::bench

int main(int argc, char** argv) {
  using namespace joinery::bench;
  return run({"nats", open, prepare, produce, consume}, argc, argv);
}
