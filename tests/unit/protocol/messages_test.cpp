// Each message there and back, and what is said of frames that are wrong.
#include <gmock/gmock.h>

#include "fixtures.h"
#include "shared/protocol/writer.h"

namespace joinery::protocol {
namespace {

using testing::HasSubstr;

Buffer frame_of(const Message& message) {
  Buffer frame;
  encode(message, frame);
  return frame;
}

Submit submit_of(Group group) {
  Submit submit;
  submit.sequence = 7;
  submit.groups.push_back(std::move(group));
  return submit;
}

// A submit frame with one group, whose parts are given as they are.
Buffer raw_submit(Bytes options, Bytes spec, Bytes columns, Bytes queue = "q") {
  Buffer frame;
  Writer out(frame);
  out.array(5);
  out.u64(10);
  out.u64(7);
  out.u64(0);
  out.raw(options);
  out.array(1);
  out.array(6);
  out.str(queue);
  out.raw(spec);
  out.u64(0);
  out.u64(0);
  out.array(1);
  out.bin("payload");
  out.raw(columns);
  return frame;
}

constexpr Bytes empty_map = "\x80";
constexpr Bytes noop = "\x81\xa7handler\xa4noop";

TEST(Messages, EachOneComesBackAsItWas) {
  for (const Message& message : one_of_each()) {
    const Buffer frame = frame_of(message);
    auto decoded = decode(frame);
    ASSERT_TRUE(decoded) << "message " << message.index() << ": " << decoded.error().message;
    ASSERT_EQ(decoded->index(), message.index());
    EXPECT_EQ(frame_of(*decoded), frame) << "message " << message.index();
  }
}

TEST(Messages, ASpecTellsWhichOptionsWereChosen) {
  const auto said = [](Bytes raw, SpecOption option) {
    const auto spec = decode_spec(raw);
    return spec && says(*spec, option);
  };
  const Bytes of_default =
      "\x82\xa7handler\xa4noop\xa8"
      "attempts\x03";
  EXPECT_TRUE(said(of_default, SpecOption::attempts)) << "it is there, though it is the default";
  EXPECT_FALSE(said(of_default, SpecOption::backoff));
  EXPECT_FALSE(said(noop, SpecOption::attempts));
  const Bytes only_kept =
      "\x83\xa7handler\xa4noop\xa8"
      "attempts\x05\xa4said\x91\xacresult_ttl_s";
  EXPECT_FALSE(said(only_kept, SpecOption::attempts)) << "it holds only if the queue has no default";
  EXPECT_TRUE(said(only_kept, SpecOption::result_ttl_s));
  EXPECT_EQ(decode_spec("\x82\xa7handler\xa4noop\xa4said\x91\xa5speed").error().field, "spec.said");
}

TEST(Messages, EachTypeHasAMessageAndItsNumberIsTold) {
  std::vector<bool> seen(std::variant_size_v<Message>);
  for (const Message& message : one_of_each()) {
    seen[message.index()] = true;
    const auto type = type_of(frame_of(message));
    ASSERT_TRUE(type);
  }
  EXPECT_THAT(seen, testing::Each(true));
}

TEST(Messages, AGroupKeepsEveryFieldOfSpecAndColumns) {
  const Buffer frame = frame_of(submit_of(full_group()));  // the payloads are views into it
  const auto decoded = decode(frame);
  ASSERT_TRUE(decoded);
  const Group& group = std::get<Submit>(*decoded).groups.at(0);
  EXPECT_EQ(group.queue, "mail");
  EXPECT_EQ(group.spec, full_spec());
  EXPECT_EQ(group.columns, full_columns());
  EXPECT_EQ(group.batch, 3U);
  EXPECT_EQ(group.parent, 99U);
  EXPECT_THAT(group.payloads, testing::ElementsAre("one", Bytes("\0two", 4)));
}

TEST(Messages, ASpecWritesOnlyWhatDiffersFromTheDefaults) {
  Buffer raw;
  encode_spec(plain_group().spec, raw);
  EXPECT_EQ(raw, noop);
  const auto decoded = decode_spec(raw);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, plain_group().spec);
}

TEST(Messages, ACutFrameIsMalformedWhereverItIsCut) {
  for (const Message& message : one_of_each()) {
    const Buffer frame = frame_of(message);
    const std::size_t step = 1 + frame.size() / 2000;
    for (std::size_t size = 0; size < frame.size(); size += step) {
      const auto decoded = decode(Bytes(frame).substr(0, size));
      ASSERT_FALSE(decoded) << "message " << message.index() << " cut to " << size;
      ASSERT_EQ(decoded.error().code, Code::malformed_frame) << decoded.error().message;
    }
  }
}

TEST(Messages, WhatFollowsTheMessageIsMalformed) {
  for (const Message& message : one_of_each()) {
    const auto decoded = decode(frame_of(message) + "\xc0");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().field, "frame") << decoded.error().message;
  }
}

TEST(Messages, AnUnknownTypeIsSaidWithItsNumber) {
  for (Bytes frame :
       {Bytes("\x91\x00", 2), Bytes("\x91\x63"), Bytes("\x91\x0c"), Bytes("\x91\xcd\x01\x01")}) {
    const auto decoded = decode(frame);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::unknown_message) << decoded.error().message;
    EXPECT_EQ(decoded.error().field, "type");
  }
}

TEST(Messages, AHelloOfAnotherVersionIsToldSoWhateverElseItHas) {
  const auto decoded = decode("\x93\x01\x02\xa3new");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::unsupported_version);
  EXPECT_THAT(decoded.error().message, HasSubstr("version is 2, expected 1"));
}

TEST(Messages, UnknownKeysOfAHelloAreLeftToLaterVersions) {
  Buffer frame;
  Writer out(frame);
  out.array(5);
  for (std::uint64_t field : {1, 1, 0}) out.u64(field);
  out.bin(Bytes("0123456789abcdef"));
  out.map(2);
  out.str("colour");
  out.raw("\x91\xa3red");
  out.str("name");
  out.str("n");
  const auto decoded = decode(frame);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(std::get<Hello>(*decoded).name, "n");
}

struct BadSubmit {
  const char* field;
  Code code;
  Buffer frame;
};

TEST(Messages, AWrongSubmitNamesItsField) {
  Group no_payloads = plain_group();
  no_payloads.payloads.clear();
  Group short_column = plain_group();
  short_column.columns.priority = {1, 2};
  Group no_handler = plain_group();
  no_handler.spec.handler.clear();
  Group factor = plain_group();
  factor.spec.backoff.factor = 0;
  const BadSubmit table[] = {
      {"options.wait", Code::unknown_field, raw_submit("\x81\xa4wait\x01", noop, empty_map)},
      {"options.when_full", Code::invalid_argument,
       raw_submit("\x81\xa9when_full\xa4"
                  "drop",
                  noop, empty_map)},
      {"options.timeout_ms", Code::invalid_argument, raw_submit("\x81\xaatimeout_ms\xff", noop, empty_map)},
      {"options.watch", Code::malformed_frame, raw_submit("\x81\xa5watch\x01", noop, empty_map)},
      {"options", Code::malformed_frame, raw_submit("\x90", noop, empty_map)},
      {"spec.atempts", Code::unknown_field,
       raw_submit(empty_map,
                  "\x82\xa7handler\xa1n\xa7"
                  "atempts\x01",
                  empty_map)},
      {"spec.attempts", Code::invalid_argument,
       raw_submit(empty_map,
                  Bytes("\x82\xa7handler\xa1n\xa8"
                        "attempts\x00",
                        21),
                  empty_map)},
      {"spec.backoff.base", Code::unknown_field,
       raw_submit(empty_map,
                  "\x82\xa7handler\xa1n\xa7"
                  "backoff\x81\xa4"
                  "base\x01",
                  empty_map)},
      {"spec", Code::malformed_frame, raw_submit(empty_map, "\xa1s", empty_map)},
      {"columns.prio", Code::unknown_field, raw_submit(empty_map, noop, "\x81\xa4prio\x91\x01")},
      {"columns.priority", Code::malformed_frame, raw_submit(empty_map, noop, "\x81\xa8priority\x01")},
      {"queue", Code::invalid_argument, raw_submit(empty_map, noop, empty_map, "")},
      {"queue", Code::invalid_argument, raw_submit(empty_map, noop, empty_map, std::string(256, 'q'))},
      {"queue", Code::invalid_argument, raw_submit(empty_map, noop, empty_map, "a\nb")},
      {"payloads", Code::invalid_argument, frame_of(submit_of(no_payloads))},
      {"columns.priority", Code::invalid_argument, frame_of(submit_of(short_column))},
      {"spec.handler", Code::invalid_argument, frame_of(submit_of(no_handler))},
      {"spec.backoff.factor", Code::invalid_argument, frame_of(submit_of(factor))},
  };
  for (const BadSubmit& bad : table) {
    const auto decoded = decode(bad.frame);
    ASSERT_FALSE(decoded) << bad.field;
    EXPECT_EQ(decoded.error().field, bad.field) << decoded.error().message;
    EXPECT_EQ(decoded.error().code, bad.code) << decoded.error().message;
    EXPECT_THAT(decoded.error().message, HasSubstr(bad.field));
  }
}

TEST(Messages, AJoinHasExactlyOneTarget) {
  for (Bytes target : {"\x80",
                       "\x82\xa5queue\xa1q\xa5"
                       "batch\x01",
                       "\x81\xa4quux\x01", "\x81\xa5queue\xa0"}) {
    Buffer frame = "\x93\x1e\x01";
    frame += target;
    EXPECT_FALSE(decode(frame)) << testing::PrintToString(target);
  }
}

TEST(Messages, ACountThatTheBytesDoNotBearIsRefusedBeforeMemoryIsTaken) {
  const Bytes frames[] = {
      Bytes("\x93\x20\x01\xdd\xff\xff\xff\xff", 8),  // watch of 4 G jobs
      Bytes("\x92\x21\xdd\x7f\xff\xff\xff", 7),      // outcomes
      Bytes("\x92\x15\xdd\xff\xff\xff\xff", 7),      // dispatch
      Bytes("\x93\x29\x01\xdf\xff\xff\xff\xff", 8),  // reply's map
      Bytes("\xdd\xff\xff\xff\xff\x01", 6),
  };
  for (Bytes frame : frames) {
    const auto decoded = decode(frame);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::malformed_frame) << decoded.error().message;
  }
}

}  // namespace
}  // namespace joinery::protocol
