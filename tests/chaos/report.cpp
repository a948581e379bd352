// What a chaos run came to, in words and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/chaos/world.h"

namespace joinery::chaos {

bool World::good() const {
  const Ledger::Account sum = ledger_.account();
  return wrong_.empty() && sum.lost == 0 && sum.unexpected == 0 && sum.doubled == 0 && sum.accepted > 0 &&
         counts_.unfinished() == 0 && counts_.failed == 0 &&
         counts_.succeeded == sum.accepted + sum.recovered && most_.memory_kb < 512U << 10U &&
         most_.threads <= 16 && most_.descriptors <= 256;
}

std::string World::report() const {
  const Ledger::Account sum = ledger_.account();
  std::string out;
  for (const auto& [event, times] : events_) out += fmt::format("{:6} x {}\n", times, event);
  out += fmt::format(
      "submitted {}, accepted {}, recovered {} (accepted, and their producer never learned it)\n"
      "lost {}, unexpected {}, doubled {}\n"
      "runs {}, repeated {} (at least once; fenced)\n"
      "finished: {} succeeded, {} failed, {} cancelled, {} expired; unfinished {}\n",
      sum.attempted, sum.accepted, sum.recovered, sum.lost, sum.unexpected, sum.doubled, sum.runs,
      sum.repeated, counts_.succeeded, counts_.failed, counts_.cancelled, counts_.expired,
      counts_.unfinished());
  const auto usage = [&out](const char* when, const Usage& used) {
    out += fmt::format("broker, {}: {} MiB of memory, {} descriptors, {} threads, {} MiB on disk\n", when,
                       used.memory_kb >> 10U, used.descriptors, used.threads, used.disk_bytes >> 20U);
  };
  usage("at the begin", begin_);
  usage("at most", end_);
  if (!not_done_.empty()) out += "NOT DONE: " + not_done_ + "\n";
  if (!wrong_.empty()) out += "WRONG: " + wrong_ + "\n";
  if (!good()) return out + fmt::format("NOT GOOD: replay with --seed {}\n", seed_);
  return out + (not_done_.empty() ? "good\n" : "good, as far as it was done\n");
}

std::string World::json_report() const {
  const Ledger::Account sum = ledger_.account();
  const auto usage = [](const Usage& used) {
    return nlohmann::json{{"memory_kb", used.memory_kb},
                          {"descriptors", used.descriptors},
                          {"threads", used.threads},
                          {"disk_bytes", used.disk_bytes}};
  };
  nlohmann::json out{{"seed", seed_},
                     {"good", good()},
                     {"events", events_},
                     {"submitted", sum.attempted},
                     {"accepted", sum.accepted},
                     {"recovered", sum.recovered},
                     {"lost", sum.lost},
                     {"unexpected", sum.unexpected},
                     {"doubled", sum.doubled},
                     {"runs", sum.runs},
                     {"repeated", sum.repeated},
                     {"succeeded", counts_.succeeded},
                     {"failed", counts_.failed},
                     {"cancelled", counts_.cancelled},
                     {"expired", counts_.expired},
                     {"unfinished", counts_.unfinished()},
                     {"broker_at_the_begin", usage(begin_)},
                     {"broker_at_most", usage(end_)}};
  if (!not_done_.empty()) out["not_done"] = not_done_;
  if (!wrong_.empty()) out["wrong"] = wrong_;
  return out.dump() + "\n";
}

}  // namespace joinery::chaos
