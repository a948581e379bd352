#include "tests/support/redis_server.h"

#include <signal.h>

#include <stdexcept>

namespace joinery::testing {

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) { start(); }

redis::Url RedisServer::url() const {
  redis::Url url;
  url.path = dir_ / "redis.sock";
  return url;
}

void RedisServer::start() {
  std::vector<std::string> words{"redis-server", "--port",       "0",       "--save", "", "--dir",
                                 dir_.path(),    "--unixsocket", url().path};
  words.insert(words.end(), options_.begin(), options_.end());
  process_ = std::make_unique<Process>(words);
  const bool up = eventually([&] {
    const auto reply = redis::Client(url()).command({"PING"});
    return reply || reply.error().message.find("NOAUTH") != std::string::npos || !process_->running();
  });
  if (!up || !process_->running()) throw std::runtime_error("redis-server did not start: " + process_->out());
}

void RedisServer::kill() { process_.reset(); }
void RedisServer::freeze() { process_->signal(SIGSTOP); }
void RedisServer::thaw() { process_->signal(SIGCONT); }

}  // namespace joinery::testing
