// A connection to Redis: pipelined commands and scripts, with reconnection. Knows nothing of what keys mean.
//
// Threads: an object belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery::redis {

// "redis://[:password@]host[:port][/database]" or "unix:///path[?db=N&password=...]".
struct Url {
  std::string host;  // empty: unix
  std::uint16_t port = 6379;
  std::string path;  // of the unix socket
  std::string user;
  std::string password;
  std::uint32_t database = 0;
};
Result<Url> parse_url(std::string_view text);
std::string to_string(const Url& url);  // with the password replaced by ***
std::string to_string_with_secret(const Url& url);

// A reply, owned.
struct Value {
  enum class Kind : std::uint8_t { nil, integer, text, error, list };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // also the message of an error
  std::vector<Value> list;
};

// A script known by its digest; sent whole only when the server does not have it.
struct Script {
  std::string_view source;
};

// Blocking client with a time limit per call: for client programs and tools.
class Client {
 public:
  explicit Client(Url url, Duration timeout = std::chrono::seconds(5));
  ~Client();
  Client(Client&&) noexcept;
  // Connects if need be. Errors: redis_unreachable (also after a lost connection: the next call connects
  // again).
  Result<Value> command(std::span<const Bytes> arguments);
  Result<Value> command(std::initializer_list<Bytes> arguments) {
    return command(std::span<const Bytes>(arguments.begin(), arguments.size()));
  }
  // Several commands in one round trip; one Value each.
  Result<std::vector<Value>> pipeline(std::span<const std::vector<std::string>> commands);
  Result<Value> eval(const Script& script, std::span<const Bytes> keys, std::span<const Bytes> arguments);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Non-blocking, pipelined connection for an event loop (the supervisor's). Commands queue up in order;
// callbacks run in order from process(). When the connection is lost, every command under way gets
// redis_unreachable, and it reconnects by itself with jitter.
class Pipeline {
 public:
  using Callback = std::function<void(Result<Value>)>;
  explicit Pipeline(Url url);
  ~Pipeline();

  void command(std::span<const Bytes> arguments, Callback done);
  void eval(const Script& script, std::span<const Bytes> keys, std::span<const Bytes> arguments,
            Callback done);
  bool connected() const;
  std::size_t under_way() const;

  // For the loop: wait for these, or until deadline, then process(now).
  int descriptor() const;  // -1: none now
  bool wants_write() const;
  Mono next_deadline() const;  // reconnection
  void process(Now now);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::redis
