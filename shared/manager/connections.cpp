#include "shared/manager/connections.h"

#include <algorithm>
#include <thread>

#include "shared/base/exceptions.h"

namespace joinery::manager_detail {
namespace {

constexpr std::size_t idle_max = 16;
constexpr Duration pause_first = std::chrono::milliseconds(5);
constexpr Duration pause_max = std::chrono::milliseconds(200);

// Redis that loads its data answers with an error.
bool answers(redis::Client& client, Error& why) {
  const auto reply = client.command({"PING"});
  if (reply && reply->kind != redis::Value::Kind::error) return true;
  why = reply ? Error{Code::redis_unreachable, "Redis answers: " + reply->text, {}} : reply.error();
  return false;
}

}  // namespace

Connections::Borrowed Connections::borrow() {
  {
    const std::lock_guard guard(mutex_);
    if (!idle_.empty()) {
      redis::Client client = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(client)};
    }
  }
  const Mono end = read_clocks().mono + timeout_;
  Error why;
  for (Duration pause = pause_first;; pause = std::min(2 * pause, pause_max)) {
    const Duration left = std::max(end - read_clocks().mono, Duration(std::chrono::milliseconds(1)));
    redis::Client client(url_, left);
    if (answers(client, why)) {
      client.set_timeout(timeout_);
      return {*this, std::move(client)};
    }
    if (read_clocks().mono + pause >= end) throw Exception(why);
    std::this_thread::sleep_for(pause);
  }
}

// After a failure the idle ones are most likely dead too.
void Connections::give_back(redis::Client client, bool sound) {
  const std::lock_guard guard(mutex_);
  if (!sound) return idle_.clear();
  if (idle_.size() >= idle_max) return;
  client.set_timeout(timeout_);
  idle_.push_back(std::move(client));
}

}  // namespace joinery::manager_detail
