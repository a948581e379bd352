#include "shared/protocol/value.h"

#include <gmock/gmock.h>

#include <cmath>

namespace joinery::protocol {
namespace {

using testing::HasSubstr;

Value sample() {
  return Value::map()
      .set("queue", "mail")
      .set("most", 100)
      .set("after", std::uint64_t{1} << 63U)
      .set("delta", -5)
      .set("fraction", 0.5)
      .set("payload", Value::bin("\xff\x00"))
      .set("flag", true)
      .set("nothing", Value())
      .set("jobs", Value::array().push(1).push(2));
}

TEST(Values, ComeBackAsTheyWere) {
  const auto decoded = decode_value(encode(sample()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, sample());
}

TEST(Values, MembersAreReadByKeyAndType) {
  const Value value = sample();
  EXPECT_EQ(value.str("queue"), "mail");
  EXPECT_EQ(value.u64("most"), 100U);
  EXPECT_EQ(value.i64("most"), 100);
  EXPECT_EQ(value.i64("delta"), -5);
  EXPECT_EQ(value.number("most"), 100.0);
  EXPECT_EQ(value.boolean("flag"), true);
  EXPECT_EQ(value.bytes("payload")->size(), 1U) << "a literal ends at its 0";
  EXPECT_EQ(*value.ids("jobs"), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(value.u64_or("absent", 7), 7U);
  EXPECT_EQ(value.str_or("nothing", "usual"), "usual");
  EXPECT_EQ(value.find("nothing"), nullptr);
}

TEST(Values, ErrorsNameTheKeyWhatCameAndWhatWasExpected) {
  const Value value = sample();
  EXPECT_EQ(value.u64("queue").error().message, "queue is a string, expected an integer");
  EXPECT_EQ(value.str("most").error().message, "most is an integer, expected a string");
  EXPECT_EQ(value.u64("delta").error().message, "delta is -5, expected 0 or more");
  EXPECT_EQ(value.str("absent").error().message, "absent is missing, expected a string");
  EXPECT_EQ(value.u64_or("queue", 1).error().field, "queue");
  EXPECT_THAT(value.i64("after").error().message, HasSubstr("expected at most"));
  EXPECT_EQ(value.ids("queue").error().message, "queue is a string, expected an array");
}

TEST(Values, AMemberThatNobodyKnowsIsNamed) {
  const Value value = Value::map().set("queue", "x").set("moost", 1);
  EXPECT_TRUE(value.only({"queue", "moost"}));
  const auto refused = value.only({"queue", "most"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unknown_field);
  EXPECT_EQ(refused.error().message, "moost is not known, expected one of: queue, most");
}

TEST(Values, WhatIsNoValueIsMalformed) {
  for (Bytes bytes : {Bytes(""), Bytes("\x91"), Bytes("\xc1"), Bytes("\x81\x01\x01"), Bytes("\x01\x02"),
                      Bytes("\xd4\x01x"), Bytes("\xdf\xff\xff\xff\xff")}) {
    const auto decoded = decode_value(bytes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::malformed_frame) << decoded.error().message;
  }
  EXPECT_FALSE(decode_map("\x01"));
}

TEST(Values, NestingHasALimit) {
  EXPECT_TRUE(decode_value(std::string(32, '\x91') + "\xc0"));
  EXPECT_THAT(decode_value(std::string(33, '\x91') + "\xc0").error().message,
              HasSubstr("more than 32 levels"));
  EXPECT_FALSE(decode_value(std::string(1'000'000, '\x91') + "\xc0"));
}

TEST(Values, JsonIsWhatPeopleAndProgramsRead) {
  EXPECT_EQ(to_json(sample()),
            R"({"queue": "mail", "most": 100, "after": 9223372036854775808, "delta": -5, "fraction": 0.5, )"
            R"("payload": {"base64": "/w=="}, "flag": true, "nothing": null, "jobs": [1, 2]})");
  EXPECT_EQ(to_json(Value::map().set("a", Value::array().push(1)).set("b", Value::map()), true),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
  EXPECT_EQ(to_json(Value("a\"b\\c\n\x01")), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(to_json(Value::bin("text")), R"("text")");
  EXPECT_EQ(to_json(Value(std::nan(""))), "null");
  EXPECT_EQ(to_json(Value("\xc3\x28")), R"("wyg=")");
}

}  // namespace
}  // namespace joinery::protocol
