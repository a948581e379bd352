// RabbitMQ: persistent messages with publisher confirms, and a consumer with prefetch that acknowledges many
// at once, in AMQP 0-9-1. --flavour classic (storage version 2) or quorum.
#include <fmt/format.h>

#include <vector>

#include "bench/peers/clients/client.h"

namespace joinery::bench {
namespace {

// Methods as class << 16 | method.
enum Method : std::uint32_t {
  connection_start = 10 << 16 | 10,
  connection_start_ok = 10 << 16 | 11,
  connection_tune = 10 << 16 | 30,
  connection_tune_ok = 10 << 16 | 31,
  connection_open = 10 << 16 | 40,
  connection_open_ok = 10 << 16 | 41,
  channel_open = 20 << 16 | 10,
  channel_open_ok = 20 << 16 | 11,
  queue_declare = 50 << 16 | 10,
  queue_declare_ok = 50 << 16 | 11,
  queue_delete = 50 << 16 | 40,
  queue_delete_ok = 50 << 16 | 41,
  basic_qos = 60 << 16 | 10,
  basic_qos_ok = 60 << 16 | 11,
  basic_consume = 60 << 16 | 20,
  basic_consume_ok = 60 << 16 | 21,
  basic_publish = 60 << 16 | 40,
  basic_deliver = 60 << 16 | 60,
  basic_ack = 60 << 16 | 80,
  confirm_select = 85 << 16 | 10,
  confirm_select_ok = 85 << 16 | 11,
};
enum FrameType : std::uint8_t { method_frame = 1, header_frame = 2, body_frame = 3 };

std::string integer(std::uint64_t value, std::size_t size) {
  std::string bytes(size, 0);
  for (std::size_t i = size; i-- != 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}
std::uint64_t integer(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}
std::string short_text(std::string_view text) { return integer(text.size(), 1) + std::string(text); }
std::string long_text(std::string_view text) { return integer(text.size(), 4) + std::string(text); }
std::string table(std::string_view name, std::string_view typed) {
  return long_text(short_text(name) + std::string(typed));
}

std::string frame(FrameType type, int channel, std::string_view body) {
  return integer(type, 1) + integer(static_cast<std::uint64_t>(channel), 2) + long_text(body) + '\xce';
}
std::string method(int channel, Method name, std::string_view arguments) {
  return frame(method_frame, channel, integer(name, 4) + std::string(arguments));
}

// The next method; frames of contents and heartbeats are passed over.
struct Received {
  std::uint32_t method = 0;
  std::string_view arguments;
};
Received read(Connection& server) {
  for (;;) {
    const std::string_view header = server.take(7);
    const char type = header[0];
    const std::string_view body = server.take(integer(header.substr(3)) + 1);
    if (type != method_frame) continue;
    return {static_cast<std::uint32_t>(integer(body.substr(0, 4))), body.substr(4, body.size() - 5)};
  }
}
Received expect(Connection& server, Method name) {
  const Received got = read(server);
  if (got.method != name)
    unexpected(fmt::format("method {}.{}", name >> 16, name & 0xffff),
               fmt::format("{}.{} {}", got.method >> 16, got.method & 0xffff, got.arguments));
  return got;
}

void open(Connection& server) {
  server.write(std::string_view("AMQP\0\0\x09\x01", 8));
  expect(server, connection_start);
  server.write(method(0, connection_start_ok,
                      long_text("") + short_text("PLAIN") +
                          long_text(std::string_view("\0guest\0guest", 12)) + short_text("en_US")));
  const std::string limits(expect(server, connection_tune).arguments.substr(0, 6));
  server.write(method(0, connection_tune_ok, limits + integer(0, 2)));  // no heartbeats
  server.write(method(0, connection_open, short_text("/") + short_text("") + integer(0, 1)));
  expect(server, connection_open_ok);
  server.write(method(1, channel_open, short_text("")));
  expect(server, channel_open_ok);
}

// Flags: 1 passive, 2 durable. Version 2 of classic queues is the faster one, but not yet the default
// in 3.10.
std::string declare(const Options& options, int flags) {
  const std::string arguments = options.flavour == "quorum" ? table("x-queue-type", "S" + long_text("quorum"))
                                                            : table("x-queue-version", "I" + integer(2, 4));
  return method(
      1, queue_declare,
      integer(0, 2) + short_text("jobs") + integer(static_cast<std::uint64_t>(flags), 1) + arguments);
}

void prepare(Connection& server, const Options& options) {
  if (options.flavour != "classic" && options.flavour != "quorum")
    unexpected("--flavour classic or quorum", options.flavour);
  server.write(method(1, queue_delete, integer(0, 2) + short_text("jobs") + integer(0, 1)));
  expect(server, queue_delete_ok);
  server.write(declare(options, 2));
  expect(server, queue_declare_ok);
}

std::string persistent_message(const Options& options) {
  constexpr std::uint64_t has_delivery_mode = 0x1000;
  constexpr std::uint64_t persistent = 2;
  return method(1, basic_publish, integer(0, 2) + short_text("") + short_text("jobs") + integer(0, 1)) +
         frame(header_frame, 1,
               integer(60, 2) + integer(0, 2) + integer(options.payload, 8) + integer(has_delivery_mode, 2) +
                   integer(persistent, 1)) +
         frame(body_frame, 1, std::string(options.payload, 'x'));
}

// Confirms: each is of one message or of all up to it, and single ones may come in any order.
class Confirms {
 public:
  explicit Confirms(std::uint64_t jobs) : confirmed_(jobs + 1) {}

  // How many this one confirms that no other has.
  std::uint64_t take(std::uint64_t tag, bool multiple) {
    std::uint64_t news = 0;
    for (std::uint64_t at = multiple ? below_ + 1 : tag; at <= tag; ++at) {
      if (!confirmed_.at(at)) ++news;
      confirmed_[at] = true;
    }
    if (multiple) below_ = std::max(below_, tag);
    return news;
  }

 private:
  std::vector<bool> confirmed_;  // by delivery tag, from 1
  std::uint64_t below_ = 0;      // up to this tag all are
};

void produce(Connection& server, const Options& options) {
  server.write(method(1, confirm_select, integer(0, 1)));
  expect(server, confirm_select_ok);
  const std::string one = persistent_message(options);
  Confirms confirms(options.jobs);
  std::uint64_t ahead = 0;  // of what the pipeline has asked for
  put_all(server, options, one, [&](std::uint64_t count) {
    while (ahead < count) {
      const Received ack = expect(server, basic_ack);
      ahead += confirms.take(integer(ack.arguments.substr(0, 8)), ack.arguments[8] != 0);
    }
    ahead -= count;
  });
}

// Acknowledges all up to the last delivery after each `batch`, or when nothing more has come. That is not
// answered, but a queue takes what one channel sends in order: when it has answered the passive declare, it
// has them all.
void consume(Connection& server, const Options& options) {
  server.write(method(1, basic_qos, integer(0, 4) + integer(options.window, 2) + integer(0, 1)));
  expect(server, basic_qos_ok);
  server.write(method(1, basic_consume,
                      integer(0, 2) + short_text("jobs") + short_text("") + integer(0, 1) + long_text("")));
  expect(server, basic_consume_ok);
  std::uint64_t acknowledged = 0;
  for (std::uint64_t finished = 0; finished < options.jobs;) {
    const Received got = expect(server, basic_deliver);
    const std::size_t tag_at = 1 + static_cast<unsigned char>(got.arguments[0]);
    finished = integer(got.arguments.substr(tag_at, 8));
    if (finished - acknowledged < options.batch && finished != options.jobs) continue;
    server.write(method(1, basic_ack, integer(finished, 8) + integer(1, 1)));
    acknowledged = finished;
  }
  server.write(declare(options, 3));
  while (read(server).method != queue_declare_ok) {  // deliveries beyond our share
  }
}

}  // namespace
}  // namespace joinery::bench

int main(int argc, char** argv) {
  using namespace joinery::bench;
  return run({"rabbitmq", open, prepare, produce, consume}, argc, argv);
}
