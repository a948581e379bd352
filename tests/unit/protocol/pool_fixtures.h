// One message of pool processes of each type, with every field different from its default.
#pragma once

#include <vector>

#include "fixtures.h"
#include "shared/protocol/pool.h"

namespace joinery::pool {

inline std::vector<Message> one_of_each() {
  Done done;
  done.outcomes.resize(5);
  done.outcomes[0].job = 1'000'000;
  done.outcomes[1] = {.job = 2, .ok = true, .result = "result", .failure = {}, .retry = true, .children = {}};
  done.outcomes[2] = {.job = 3,
                      .ok = false,
                      .result = {},
                      .failure = {Code::soft_time_limit, "Late", "too late", "resize.py:3", ""},
                      .retry = false,
                      .children = {}};
  done.outcomes[3] = {
      .job = 4, .ok = true, .result = {}, .failure = {}, .retry = true, .children = {protocol::full_group()}};
  done.outcomes[4] = done.outcomes[2];
  done.outcomes[4].result = "what it wrote";
  return {
      Ready{version, {"resize", "thumb"}, true},
      Run{"resize",
          {"mail", "application/json", 500, "00-trace", true},
          {{{1, 2, 3}, 4, "payload"}, {{5, 1, 3}, 0, ""}}},
      Run{"noop", {}, {}},
      done,
      Progress{7, 0.5, "half"},
      Log{7, "info", "line"},
      Cancel{7, Code::cancelled},
      Stop{},
      Shared{"unix:///run/redis", "00ab"},
      Hold{7, {"host:x", 0, 1'700'000'000'000}},
  };
}

}  // namespace joinery::pool
