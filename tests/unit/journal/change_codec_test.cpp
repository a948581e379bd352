// Changes <-> bytes.
#include "broker/journal/change_codec.h"

#include <gmock/gmock.h>

#include <random>

#include "broker/journal/crc32c.h"
#include "broker/journal/varint.h"
#include "tests/unit/journal/examples.h"

namespace joinery::broker::journal {
namespace {

Buffer encode(const std::vector<Change>& changes) {
  Buffer out;
  encode_changes(changes, out);
  return out;
}

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
