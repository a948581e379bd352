// What the Managers of one process with one Redis and namespace share. For the libraries of locks and values.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <joinery/manager.h>
#include "shared/manager/connections.h"
#include "shared/manager/keeper.h"

namespace joinery::manager_detail {

// What may be done when the connection is lost before the answer came.
enum class Repeat : bool { never, safe };

class Core {
 public:
  Core(const redis::Url& url, std::string name_space, Duration timeout);
  // The one of this process; made when there is none.
  static std::shared_ptr<Core> of(const redis::Url& url, const std::string& name_space, Duration timeout);

  // Each throws Exception redis_unreachable. An error that Redis answers is a Value.
  redis::Value command(std::span<const Bytes> arguments, Repeat repeat);
  redis::Value eval(const redis::Script& script, std::span<const Bytes> keys,
                    std::span<const Bytes> arguments, Repeat repeat);
  std::vector<redis::Value> pipeline(std::span<const std::vector<std::string>> commands, Repeat repeat);
  Connections::Borrowed borrow();

  Keeper& keeper() { return keeper_; }
  const std::string& name_space() const { return name_space_; }
  const std::string& prefix() const { return prefix_; }
  const std::string& process() const { return process_; }  // as an owner
  Duration timeout() const { return connections_.timeout(); }
  // Unique: of this process and the next number.
  std::string next_id();

 private:
  template <typename Call>
  auto with_connection(Repeat repeat, Call call);

  const std::string name_space_;
  const std::string prefix_;
  const pid_t pid_;
  const std::string process_;
  const std::string seed_;
  std::atomic<std::uint64_t> ids_{0};
  Connections connections_;
  Keeper keeper_;
};

}  // namespace joinery::manager_detail
