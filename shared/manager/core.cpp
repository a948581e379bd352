#include "shared/manager/core.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <random>

#include "shared/base/exceptions.h"
#include "shared/manager/owner.h"

namespace joinery::manager_detail {
namespace {

std::string random_hex() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

}  // namespace

Core::Core(const redis::Url& url, std::string name_space, Duration timeout)
    : name_space_(std::move(name_space)),
      prefix_(key_prefix(name_space_)),
      pid_(::getpid()),
      process_(process_owner()),
      seed_(random_hex()),
      connections_(url, timeout),
      keeper_(url) {}

// One per process, because the thread and the death watch are the process's; weak, so that nothing outlives
// its last user. The pid is part of the name: after a fork the child has its own.
std::shared_ptr<Core> Core::of(const redis::Url& url, const std::string& name_space, Duration timeout) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Core>> cores;
  const std::string name =
      fmt::format("{} {} {} {}", ::getpid(), redis::to_string_with_secret(url), name_space, timeout.count());
  const std::lock_guard guard(mutex);
  std::erase_if(cores, [](const auto& one) { return one.second.expired(); });
  if (const auto found = cores.find(name); found != cores.end()) {
    if (auto core = found->second.lock()) return core;
  }
  auto core = std::make_shared<Core>(url, name_space, timeout);
  cores.insert_or_assign(name, core);
  return core;
}

std::string Core::next_id() { return fmt::format("{}-{}", seed_, ++ids_); }

Connections::Borrowed Core::borrow() {
  if (::getpid() != pid_) {
    throw Exception(Code::invalid_state, "this Manager was made before a fork: make one in the child");
  }
  return connections_.borrow();
}

template <typename Call>
auto Core::with_connection(Repeat repeat, Call call) {
  const Mono end = read_clocks().mono + timeout();
  for (;;) {
    auto connection = borrow();
    auto reply = call(*connection);
    if (reply) return std::move(*reply);
    connection.broken();
    if (repeat == Repeat::never || read_clocks().mono >= end) throw Exception(reply.error());
  }
}

redis::Value Core::command(std::span<const Bytes> arguments, Repeat repeat) {
  return with_connection(repeat, [&](redis::Client& client) { return client.command(arguments); });
}

redis::Value Core::eval(const redis::Script& script, std::span<const Bytes> keys,
                        std::span<const Bytes> arguments, Repeat repeat) {
  return with_connection(repeat, [&](redis::Client& client) { return client.eval(script, keys, arguments); });
}

std::vector<redis::Value> Core::pipeline(std::span<const std::vector<std::string>> commands, Repeat repeat) {
  return with_connection(repeat, [&](redis::Client& client) { return client.pipeline(commands); });
}

}  // namespace joinery::manager_detail
