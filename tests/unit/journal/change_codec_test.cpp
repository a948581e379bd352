// Changes <-> bytes.
#include "broker/journal/change_codec.h"

#include <gmock/gmock.h>

#include <random>

#include "broker/journal/crc32c.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {
namespace {

Buffer encode(const std::vector<Change>& changes) {
  Buffer out;
  encode_changes(changes, out);
  return out;
}

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

TEST(ChangeCodec, gives_back_every_kind_of_change_with_every_field) {
  const Examples examples;
  const Buffer bytes = encode(examples.all());
  ChangeDecoder decoder(bytes);
  std::vector<bool> seen(std::variant_size_v<Change::variant>);
  Buffer again;
  while (const Change* change = decoder.next()) {
    seen[change->index()] = true;
    encode_changes({change, 1}, again);
    if (const auto* put = std::get_if<change::Put>(change); put != nullptr && put->parked) {
      EXPECT_THAT(put->sizes, ::testing::ElementsAreArray(examples.sizes));
      EXPECT_THAT(put->due, ::testing::ElementsAreArray(examples.due));
      EXPECT_EQ(*put->columns, examples.columns);
    }
    if (const auto* bury = std::get_if<change::Bury>(change)) {
      EXPECT_EQ(bury->failure, examples.failure);
    }
  }
  EXPECT_TRUE(decoder.whole());
  EXPECT_THAT(seen, ::testing::Each(true)) << "a kind of change has no example";
  EXPECT_EQ(again, bytes);
}

TEST(ChangeCodec, notices_that_bytes_are_missing_wherever_they_end) {
  const Examples examples;
  for (const Change& change : examples.all()) {
    const Buffer bytes = encode({change});
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      ChangeDecoder decoder(Bytes(bytes).substr(0, size));
      EXPECT_EQ(decoder.next(), nullptr) << "change " << change.index() << " cut at " << size;
      EXPECT_FALSE(decoder.whole());
    }
  }
}

TEST(ChangeCodec, survives_any_bytes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const Buffer good = encode(Examples().all());
  for (int round = 0; round < 20'000; ++round) {
    Buffer bytes = good.substr(random() % good.size());
    for (auto changes = random() % 8; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    ChangeDecoder decoder(bytes);
    while (decoder.next() != nullptr) {
    }
  }
}

TEST(ChangeCodec, does_not_ask_for_memory_that_the_bytes_cannot_fill) {
  Buffer bytes;
  FieldWriter out(bytes);
  out.byte(9);  // Finish
  out.byte(0);
  out.zig(0);
  out.varint(UINT64_MAX);  // runs
  ChangeDecoder decoder(bytes);
  EXPECT_EQ(decoder.next(), nullptr);
  EXPECT_FALSE(decoder.whole());
}

TEST(ChangeCodec, puts_a_thousand_jobs_of_one_size_into_a_few_bytes) {
  const std::vector<std::uint32_t> sizes(1000, 100);
  change::Put put;
  put.first = 1;
  put.count = 1000;
  put.sizes = sizes;
  EXPECT_LT(encode({put}).size(), 16U);
}

TEST(Crc32c, has_the_values_of_rfc_3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(Buffer(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(Buffer(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c_extend(crc32c("12345"), "6789"), crc32c("123456789"));
}

}  // namespace
}  // namespace joinery::broker::journal
