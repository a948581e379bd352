// One connection to Redis that never blocks: connect, AUTH and SELECT, send, receive. What Client and
// Pipeline share. Our own socket around hiredis's reply parser: the socket code of hiredis 0.14 writes with
// write(2), so that a server that went away would kill the program by SIGPIPE.
//
// A life: open() -> advance() until ready() -> advance() ... -> an error closes it -> open() again.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "shared/base/unique_fd.h"
#include "shared/redis/redis.h"

struct redisReader;

namespace joinery::redis {

// Appends a command in the protocol of Redis: an array header, then its arguments.
void append_header(std::size_t arguments, Buffer& out);
void append_argument(Bytes argument, Buffer& out);
void append_command(std::span<const Bytes> arguments, Buffer& out);

class Connection {
 public:
  explicit Connection(Url url);
  ~Connection();

  // Begins to connect and forgets everything of an earlier connection. A host name is resolved here, which
  // may block. Error: redis_unreachable.
  Result<> open();
  void close();
  bool is_open() const { return static_cast<bool>(fd_); }
  // Connected, and the server took password and database.
  bool ready() const { return is_open() && !connecting_ && greeting_ == 0; }

  // Commands to send; they may be appended before ready().
  Buffer& out() { return out_; }
  // Does what can be done without waiting; true if a reply came. An error (redis_unreachable) has closed the
  // connection; replies that came before it can still be taken. `readable`: false if nothing can have come,
  // which saves the look.
  Result<bool> advance(bool readable = true);
  bool take(Value& reply);

  int descriptor() const { return fd_.get(); }
  // Descriptors that it has had: whoever knows the last one by heart asks whether it still is.
  std::uint64_t opened() const { return opened_; }
  bool wants_write() const { return connecting_ || sent_ < out_.size(); }
  const Url& url() const { return url_; }

 private:
  struct Address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
    int family = 0;
  };
  Result<> resolve();
  Result<> connect_next();
  Result<> finish_connecting();
  Result<> send();
  Result<> receive();
  Result<> parse();
  std::unexpected<Error> lost(const std::string& why);

  Url url_;
  unique_fd fd_;
  std::uint64_t opened_ = 0;
  bool connecting_ = false;
  std::vector<Address> addresses_;  // of the host, those not tried yet at the back
  std::size_t greeting_ = 0;        // answers to AUTH and SELECT that have not come yet
  Buffer out_;
  std::size_t sent_ = 0;  // bytes of out_
  std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
  std::deque<Value> replies_;
};

}  // namespace joinery::redis
