// Changes of every kind, for tests of their bytes.
#pragma once

#include <string>
#include <vector>

#include "broker/journal/change_codec.h"

namespace joinery::broker::journal {

// One of each, with values at the ends of their ranges. The vectors are what the views are of.
struct Examples {
  std::vector<std::uint32_t> sizes{0, 1, UINT32_MAX};
  std::vector<std::uint32_t> equal{7, 7, 7, 7};
  std::vector<Wall> due{Wall{Duration{0}}, never_wall, Wall::min()};
  Columns columns{{INT64_MIN, 0, INT64_MAX},
                  {0, 1, UINT64_MAX},
                  {-1, 0, 1},
                  {5, 6, 7},
                  {"a", "", "c"},
                  {"x", "y", "z"},
                  {0, -1, INT64_MAX},
                  {{1, -2}, {}, {7}},
                  {{}, {UINT64_MAX}, {}}};
  Failure failure{Code::process_died, "signal", "killed", "worker w1", std::string("\0\1\2", 3)};

  std::vector<Change> all() const {
    change::Put plain;
    plain.first = 17;
    plain.count = 4;
    plain.sizes = equal;
    change::Put full{UINT64_MAX - 5, 3, 9, 8, 7, 6, true, Wall{Duration{-1}}, 0, sizes, &columns, due};
    change::Answer answer;
    answer.session = {1, UINT64_MAX};
    answer.sequence = 12;
    answer.confirmed = 11;
    answer.number = 99;
    answer.groups.push_back({1, 2, Durability::interval, std::nullopt, true, true});
    answer.groups.push_back({0, 0, Durability::none, Error{Code::queue_full, "full", "queue"}, false});
    answer.parked = answer.watch = true;
    answer.until = Wall{Duration{5}};
    change::Queue queue{3,     "mail",           {Mode::priority, Durability::none, 1000, true}, true, "ann",
                        "why", Wall{Duration{1}}};
    SpecDefaults& defaults = queue.options.defaults;
    defaults.attempts = defaults.result_ttl_s = UINT32_MAX;
    defaults.crash_attempts = 0;
    defaults.backoff = Backoff{1, 2, 3, 0.5F, {4}};
    defaults.no_retry = {"KeyError"};
    queue.options.history_bytes = 5;
    queue.options.history_age_ms = UINT64_MAX;
    const std::vector<Run> runs{{10, 5, 1, 2}, {3, 1, UINT32_MAX, 2}, {UINT64_MAX, 1, 1, 1}};
    const Token token{42, 3, 7};
    return {change::Epoch{UINT32_MAX, UINT64_MAX, 7},
            queue,
            change::DefineSpec{4, Spec{"resize",
                                       "text/plain",
                                       1,
                                       2,
                                       {3, 4, 0.5F, 1.0F, {8, UINT32_MAX}},
                                       5,
                                       6,
                                       7,
                                       8,
                                       "trace",
                                       {"KeyError", "x"},
                                       {UniqueScope::batch, UniqueUntil::time, OnConflict::replace, 9},
                                       After::finished,
                                       true,
                                       true,
                                       {}}},
            change::OpenBatch{5, "night", Wall{Duration{-5}}, 4, true},
            plain,
            full,
            change::Admit{6, 7},
            answer,
            change::Start{{8, 9}, runs},
            change::Finish{Outcome::expired, never_wall, runs, "why"},
            change::Requeue{token, Report::Kind::crashed, true, Wall::min(), failure},
            change::Bury{token, Wall{}, failure},
            change::Revive{8, Wall{}},
            change::Drop{9, 10, Wall{Duration{11}}},
            change::Move{11, 12},
            change::Cancelling{runs},
            change::Update{12, -3, Wall{Duration{-7}}},
            change::Transfer{13, 14},
            change::CloseBatch{15},
            change::CancelBatch{16},
            change::SetLimit{{"host:*", 1, 2, 3, 4, 5, 6}, true},
            change::HoldKey{"host:x", 7, Wall{Duration{-8}}, Wall{Duration{9}}},
            change::PurgeHistory{17, Wall{Duration{18}}},
            change::SetSchedule{{8,
                                 {"nightly", "0 3 * * *", "Europe/Berlin", CatchUp::all, 5, Overlap::replace,
                                  "group", 6, 7, true},
                                 Wall{Duration{-1}},
                                 never_wall,
                                 true,
                                 "ann",
                                 "why",
                                 Wall{Duration{2}},
                                 Wall{Duration{3}},
                                 9,
                                 10,
                                 11,
                                 "problem",
                                 {12, UINT64_MAX}},
                                true},
            change::Fired{"nightly", Wall{Duration{-4}}, never_wall, 13, "problem"}};
  }
};

}  // namespace joinery::broker::journal
