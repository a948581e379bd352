// The blocking client: one connection, and poll(2) until the answers are there.
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "shared/redis/connection.h"

namespace joinery::redis {
namespace {

// How a call waits for its answer. A Redis of this host answers within microseconds. Where it shares the core
// of the caller, sleeping is right: it runs at once. Where it has a core of its own, each sleep costs a wake
// across cores, tens of microseconds: there the caller looks again and again for a moment, leaving its core
// to whoever wants it. When that was in vain, because the server is busy, far away or was asked to wait
// (BLPOP), the next calls sleep: 1, then 3, 7, ... of them.
class Patience {
 public:
  void call_begins(Mono now) {
    began_ = now;
    looks_ = 0;
    looking_ = !beside_ && pause_ == 0;
    if (pause_ > 0) --pause_;
  }
  // False: sleep.
  bool look_again() {
    if (!looking_) return false;
    ++looks_;
    if (read_clocks().mono < began_ + most) return ::sched_yield() == 0;
    looking_ = false;
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_ + 1, pause_max);
    return false;
  }
  void answered() {
    if (looking_) {
      next_pause_ = 1;
      beside_ = looks_ == 1;  // it ran when we left the core to it
    } else if (beside_) {
      beside_ = read_clocks().mono < began_ + woken_within;
    }
  }

 private:
  static constexpr Duration most = std::chrono::microseconds(200);
  static constexpr Duration woken_within = std::chrono::microseconds(40);
  static constexpr unsigned pause_max = 127;

  Mono began_{};
  unsigned looks_ = 0;
  bool looking_ = false;
  bool beside_ = false;  // the server, on our core
  unsigned pause_ = 0;
  unsigned next_pause_ = 1;
};

}  // namespace

struct Client::Impl {
  Impl(Url url, Duration limit) : connection(std::move(url)), timeout(limit) {}

  Connection connection;
  Duration timeout;
  Buffer commands;  // of the call under way
  Patience patience;

  Result<> open_if_closed();
  Result<std::vector<Value>> round_trip(std::size_t number);
  Result<> wait(Mono deadline);
  Result<Value> one();
};

// Also finds out whether the server closed the connection while it was idle: nothing is lost by that, so it
// is made anew.
Result<> Client::Impl::open_if_closed() {
  if (connection.is_open() && connection.advance()) return {};
  return connection.open();
}

Result<> Client::Impl::wait(Mono deadline) {
  const Duration left = deadline - read_clocks().mono;
  const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  pollfd wait{connection.descriptor(), POLLIN, 0};
  if (connection.wants_write()) wait.events |= POLLOUT;
  const int number = left_ms <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left_ms));
  if (number > 0 || (number < 0 && errno == EINTR)) return {};
  return fail(Code::redis_unreachable,
              fmt::format("Redis at {} did not answer within {} ms", to_string(connection.url()),
                          std::chrono::ceil<std::chrono::milliseconds>(timeout).count()));
}

Result<std::vector<Value>> Client::Impl::round_trip(std::size_t number) {
  const Mono begin = read_clocks().mono;
  const Mono deadline = begin + timeout;
  patience.call_begins(begin);
  std::vector<Value> replies;
  auto try_it = [&]() -> Result<> {
    if (auto open = open_if_closed(); !open) return open;
    connection.out().append(commands);
    for (bool sent = false;; sent = true) {
      const auto advanced = connection.advance(sent);
      for (Value reply; replies.size() < number && connection.take(reply);)
        replies.push_back(std::move(reply));
      if (replies.size() == number) return {};
      if (!advanced) return std::unexpected(advanced.error());
      if (patience.look_again()) continue;
      if (auto ready = wait(deadline); !ready) return ready;
    }
  };
  const auto done = try_it();
  commands.clear();
  if (done) {
    patience.answered();
    return replies;
  }
  connection.close();  // answers that come later would be taken for those of other commands
  return std::unexpected(done.error());
}

Result<Value> Client::Impl::one() {
  auto replies = round_trip(1);
  if (!replies) return std::unexpected(replies.error());
  return std::move(replies->front());
}

Client::Client(Url url, Duration timeout) : impl_(std::make_unique<Impl>(std::move(url), timeout)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
void Client::set_timeout(Duration timeout) { impl_->timeout = timeout; }

Result<Value> Client::command(std::span<const Bytes> arguments) {
  append_command(arguments, impl_->commands);
  return impl_->one();
}

Result<std::vector<Value>> Client::pipeline(std::span<const std::vector<std::string>> commands) {
  if (commands.empty()) return std::vector<Value>{};
  for (const auto& command : commands) {
    append_header(command.size(), impl_->commands);
    for (const auto& argument : command) append_argument(argument, impl_->commands);
  }
  return impl_->round_trip(commands.size());
}

Result<Value> Client::eval(const Script& script, std::span<const Bytes> keys,
                           std::span<const Bytes> arguments) {
  const std::string number = std::to_string(keys.size());
  std::vector<Bytes> words{"EVALSHA", script.digest_text(), number};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto reply = command(words);
  if (!reply || reply->kind != Value::Kind::error || !reply->text.starts_with("NOSCRIPT")) return reply;
  words[0] = "EVAL";
  words[1] = script.source;
  return command(words);
}

}  // namespace joinery::redis
