// What the clients of bench/peers share: options, a buffered socket, and the measurement itself, from the
// first put to the last finish that the server has confirmed. They are raw on purpose: puts are bytes made
// once and sent over and over, of the answers only what is needed is read, so that on two cores as much as
// possible is left to the server. No real client library costs its server less.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace joinery::bench {

struct Options {
  std::string endpoint;  // path of a unix socket, or HOST:PORT
  std::uint64_t jobs = 100'000;
  std::uint32_t payload = 100;    // bytes per job
  std::uint32_t batch = 100;      // jobs per write of the producer, and per request of the consumer
  std::uint32_t window = 1000;    // puts that are not confirmed yet, at most; deliveries not finished yet
  std::uint32_t connections = 1;  // for putting, and as many for taking; each has its share of the jobs
  std::string flavour;            // kind of queue, if the server has several
};

// A blocking socket. What is written goes out with flush(); reading flushes first, so that nobody waits for
// the answer to a request that was never sent. Throws std::runtime_error when the server is gone.
class Connection {
 public:
  explicit Connection(const std::string& endpoint);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void write(std::string_view bytes) { out_ += bytes; }
  void flush();

  // The next line without its \r\n; the next `size` bytes. Both are valid until the next read.
  std::string_view line();
  std::string_view take(std::size_t size);

 private:
  void fill();

  int fd_;
  std::string out_;
  std::string in_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

struct Client {
  std::string_view name;
  // Before the clock starts: what a new connection says first, and, once, what declares the queue. May be
  // empty.
  std::function<void(Connection&)> open;
  std::function<void(Connection&, const Options&)> prepare;
  // Puts options.jobs jobs; returns when the server has confirmed all.
  std::function<void(Connection&, const Options&)> produce;
  // Takes and finishes options.jobs jobs; returns when the server has processed every finish.
  std::function<void(Connection&, const Options&)> consume;
};

// Runs produce and consume, each in a thread and on a connection of its own, and prints {"jobs":...,
// "seconds":...}.
int run(const Client& client, int argc, char** argv);

// Throws std::runtime_error naming what was expected and what came.
[[noreturn]] void unexpected(std::string_view expected, std::string_view got);

// Writes `put` once for each job, and calls confirm(n), which reads the answers to n of them, so that at most
// `window` are unconfirmed and `batch` go out together.
void put_all(Connection& server, const Options& options, std::string_view put,
             const std::function<void(std::uint64_t)>& confirm);

std::uint64_t number(std::string_view digits);
std::string repeat(std::string_view text, std::uint64_t times);

}  // namespace joinery::bench
