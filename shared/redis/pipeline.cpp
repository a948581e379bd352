// The pipelined connection of an event loop: what waits for the connection, what waits for its answer, and
// when to try again.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>

#include "shared/redis/connection.h"

namespace joinery::redis {
namespace {

constexpr Duration backoff_first = std::chrono::milliseconds(20);
constexpr Duration backoff_max = std::chrono::seconds(2);
// A server that says nothing for so long while something waits for it is given up.
constexpr Duration silence_max = std::chrono::seconds(15);

struct Command {
  Buffer bytes;  // without name and script, if there is one: those differ between EVALSHA and EVAL
  std::size_t arguments = 0;
  std::optional<Script> script;
  Pipeline::Callback done;
};

}  // namespace

struct Pipeline::Impl {
  explicit Impl(Url url) : connection(std::move(url)), random(std::random_device{}()) {}

  Connection connection;
  std::deque<Command> waiting;  // for the connection
  std::size_t waiting_bytes = 0;
  std::deque<Command> sent;       // answers come in this order
  std::vector<Callback> refused;  // told in the next process()
  Mono retry_at{};                // when closed
  Duration backoff = backoff_first;
  Mono silent_since = never_mono;  // never: nothing is waited for
  std::string last_error;
  std::minstd_rand random;

  void add(Command command);
  void send(Command command, bool whole_script);
  void send_waiting();
  void open(Now now);
  void advance(Now now);
  void answer();
  void lost(const Error& error, Now now);
  void watch_silence(bool heard, Now now);
  void refuse();
};

void Pipeline::Impl::add(Command command) {
  if (connection.ready()) return send(std::move(command), false);
  if (waiting_bytes + command.bytes.size() > queue_bytes_max) {
    refused.push_back(std::move(command.done));
    return;
  }
  waiting_bytes += command.bytes.size();
  waiting.push_back(std::move(command));
}

void Pipeline::Impl::send(Command command, bool whole_script) {
  if (command.script) {
    Buffer& out = connection.out();
    append_header(command.arguments + 2, out);
    append_argument(whole_script ? "EVAL" : "EVALSHA", out);
    append_argument(whole_script ? command.script->source : command.script->digest_text(), out);
    out.append(command.bytes);
  } else {
    connection.out().append(command.bytes);
    command.bytes = {};
  }
  sent.push_back(std::move(command));
}

void Pipeline::Impl::send_waiting() {
  while (!waiting.empty()) {
    send(std::move(waiting.front()), false);
    waiting.pop_front();
  }
  waiting_bytes = 0;
}

void Pipeline::Impl::open(Now now) {
  silent_since = now.mono;
  if (auto opened = connection.open(); !opened) lost(opened.error(), now);
}

void Pipeline::Impl::answer() {
  for (Value reply; connection.take(reply);) {
    if (sent.empty()) return;  // an answer to nothing: cannot be, but harms nobody
    Command command = std::move(sent.front());
    sent.pop_front();
    const bool unknown = reply.kind == Value::Kind::error && reply.text.starts_with("NOSCRIPT");
    if (command.script && unknown) {  // nothing was done: send it again
      connection.ready() ? send(std::move(command), true) : add(std::move(command));
    } else {
      command.done(std::move(reply));
    }
  }
}

void Pipeline::Impl::advance(Now now) {
  const auto advanced = connection.advance();
  answer();
  if (!advanced) return lost(advanced.error(), now);
  if (connection.ready()) {
    backoff = backoff_first;
    send_waiting();
    // What was appended just now, without another turn of the loop.
    if (connection.wants_write()) {
      if (auto flushed = connection.advance(); !flushed) return lost(flushed.error(), now);
      answer();
    }
  }
  watch_silence(*advanced, now);
}

void Pipeline::Impl::watch_silence(bool heard, Now now) {
  const bool expects = !connection.ready() || !sent.empty();
  if (!expects) {
    silent_since = never_mono;
  } else if (heard || silent_since == never_mono) {
    silent_since = now.mono;
  } else if (now.mono - silent_since >= silence_max) {
    const std::string what = fmt::format("Redis at {} did not answer", to_string(connection.url()));
    lost(fail(Code::redis_unreachable, what).error(), now);
  }
}

void Pipeline::Impl::lost(const Error& error, Now now) {
  connection.close();
  last_error = error.message;
  std::uniform_real_distribution<double> jitter(0.5, 1.0);
  retry_at = now.mono + std::chrono::duration_cast<Duration>(backoff * jitter(random));
  backoff = std::min(backoff * 2, backoff_max);
  auto failed = std::exchange(sent, {});
  for (Command& command : failed) command.done(std::unexpected(error));
}

void Pipeline::Impl::refuse() {
  const auto calls = std::exchange(refused, {});
  for (const Callback& done : calls) {
    done(fail(Code::redis_unreachable,
              fmt::format("{}; {} MiB of commands wait for it", last_error, queue_bytes_max >> 20)));
  }
}

Pipeline::Pipeline(Url url) : impl_(std::make_unique<Impl>(std::move(url))) {}
Pipeline::~Pipeline() = default;

void Pipeline::command(std::span<const Bytes> arguments, Callback done) {
  Command command;
  append_command(arguments, command.bytes);
  command.done = std::move(done);
  impl_->add(std::move(command));
}

void Pipeline::eval(const Script& script, std::span<const Bytes> keys, std::span<const Bytes> arguments,
                    Callback done) {
  Command command;
  append_argument(std::to_string(keys.size()), command.bytes);
  for (Bytes key : keys) append_argument(key, command.bytes);
  for (Bytes argument : arguments) append_argument(argument, command.bytes);
  command.arguments = 1 + keys.size() + arguments.size();
  command.script = script;
  command.done = std::move(done);
  impl_->add(std::move(command));
}

bool Pipeline::connected() const { return impl_->connection.ready(); }
std::size_t Pipeline::under_way() const {
  return impl_->waiting.size() + impl_->sent.size() + impl_->refused.size();
}
const std::string& Pipeline::last_error() const { return impl_->last_error; }
int Pipeline::descriptor() const { return impl_->connection.descriptor(); }
std::uint64_t Pipeline::opened() const { return impl_->connection.opened(); }
bool Pipeline::wants_write() const { return impl_->connection.is_open() && impl_->connection.wants_write(); }

Mono Pipeline::next_deadline() const {
  if (!impl_->refused.empty()) return Mono{};
  if (!impl_->connection.is_open()) return impl_->retry_at;
  return impl_->silent_since == never_mono ? never_mono : impl_->silent_since + silence_max;
}

void Pipeline::process(Now now, bool readable) {
  if (!impl_->connection.is_open() && now.mono >= impl_->retry_at) impl_->open(now);
  const bool due = readable || !impl_->connection.ready() || impl_->connection.wants_write() ||
                   now.mono >= next_deadline();
  if (impl_->connection.is_open() && due) impl_->advance(now);
  impl_->refuse();
}

}  // namespace joinery::redis
