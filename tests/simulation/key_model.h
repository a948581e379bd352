// What limits, ordering and holds of keys promise, as a model that only watches: it is told of each delivery,
// and knows when the ones before it were.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/core/core.h"

namespace joinery::tests {

class KeyModel {
 public:
  // The limits that the model checks; they must be in force from the beginning.
  static std::vector<Limit> limits();
  // Keys to choose from. Those of ordered jobs are apart from the others.
  static const std::vector<std::string>& keys();
  static const std::vector<std::string>& ordered_keys();
  // A node without a limit of its own, for handlers to hold.
  static constexpr const char* held_node = "held";

  void delivered(const broker::Core& core, Now now, JobId job);
  void held(Now now, std::optional<std::uint64_t> interval_ms, std::optional<Wall> until);
  // It may come after later ones from now on; `moved`: and lets them go first, though it ran before.
  void edited(JobId job, bool moved);
  // After each turn: no more run than may.
  void check_running(const broker::Core& core) const;

 private:
  void started(const Limit& limit, const std::string& node, Now now);
  void started_ordered(const broker::Core& core, const broker::JobView& job);

  struct Node {
    Mono last{};
    Mono full_at{};  // as in the broker's token bucket
    bool any = false;
  };
  std::map<std::string, Node> nodes_;
  std::map<std::string, JobId> begun_;     // by queue and key: the ordered job that has its turn
  std::map<std::string, JobId> foremost_;  // by queue, key and handler: the last one that started
  std::set<JobId> seen_;
  std::set<JobId> edited_;
  Duration held_interval_{};
  Mono held_until_{};
};

}  // namespace joinery::tests
