// A connection to Redis: pipelined commands and scripts, with reconnection. Knows nothing of what keys mean.
//
// Threads: an object belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
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
#include "shared/redis/sha1.h"

namespace joinery::redis {

// "redis://[[user]:password@]host[:port][/database]" (user and password with %XX escapes) or
// "unix:///path[?db=N&password=...]".
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

// A script known by its digest; sent whole only when the server does not have it. Make it constexpr: the
// digest is worked out by the compiler, and `source` must live as long as the script is used.
struct Script {
  std::string_view source;
  std::array<char, 40> digest;

  explicit constexpr Script(std::string_view text) : source(text), digest(sha1(text)) {}
  std::string_view digest_text() const { return {digest.data(), digest.size()}; }
};

// Blocking client with a time limit per call: for client programs and tools. An error that the server answers
// is a Value of kind error, not an Error.
class Client {
 public:
  explicit Client(Url url, Duration timeout = std::chrono::seconds(5));
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  // For the calls that follow: a command that waits at the server (BLPOP) needs a longer one.
  void set_timeout(Duration timeout);
  // Connects if need be. Errors: redis_unreachable, at once if nobody listens; the next call tries again. A
  // connection that was lost while a call was under way may or may not have done what was asked.
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

// Non-blocking, pipelined connection for an event loop (the supervisor's). Callbacks run in the order of the
// commands, always from process(), once each; they may issue further commands. A Value of kind error is an
// answer of the server.
//
// When the connection is lost, every command under way gets redis_unreachable (it may or may not have been
// done), and it reconnects by itself with jitter. Commands issued while there is no connection wait for the
// next one, however long that takes, so that a caller who simply issues a failed command again neither loses
// it nor spins; more than queue_bytes_max of them get redis_unreachable at once. A server that still loads
// its data, or refuses the password, counts as not connected; last_error() says why. Destroying it drops what
// is under way without calling back.
class Pipeline {
 public:
  using Callback = std::function<void(Result<Value>)>;
  static constexpr std::size_t queue_bytes_max = 64U << 20U;

  explicit Pipeline(Url url);
  ~Pipeline();

  void command(std::span<const Bytes> arguments, Callback done);
  void eval(const Script& script, std::span<const Bytes> keys, std::span<const Bytes> arguments,
            Callback done);
  bool connected() const;
  std::size_t under_way() const;          // commands not called back yet, sent or waiting
  const std::string& last_error() const;  // why the last connection was lost or not made; empty: none was

  // For the loop: wait for these, or until deadline, then process(now). Ask anew after each process() and
  // each command: the descriptor changes with each connection.
  int descriptor() const;        // -1: none now
  std::uint64_t opened() const;  // grows with each new descriptor, whose number may be that of the last one
  bool wants_write() const;
  Mono next_deadline() const;  // reconnection, a server that is silent; may be in the past
  // `readable`: false if it is known that the descriptor is not, which saves the look.
  void process(Now now, bool readable = true);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::redis
