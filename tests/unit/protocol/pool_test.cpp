#include "shared/protocol/pool.h"

#include <gmock/gmock.h>

#include "pool_fixtures.h"

namespace joinery::pool {
namespace {

Buffer bytes_of(const Message& message) {
  Buffer out;
  encode(message, out);
  return out;
}

TEST(Pool, EachMessageComesBackAsItWas) {
  for (const Message& message : one_of_each()) {
    const Buffer bytes = bytes_of(message);
    Message decoded;
    const auto taken = decode(bytes, decoded);
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(*taken, bytes.size());
    ASSERT_EQ(decoded.index(), message.index());
    EXPECT_EQ(bytes_of(decoded), bytes);
  }
}

TEST(Pool, AStreamIsTakenMessageByMessageHoweverItIsCut) {
  Buffer stream;
  for (const Message& message : one_of_each()) encode(message, stream);
  std::size_t at = 0;
  std::vector<std::size_t> indexes;
  for (std::size_t come = 0; come <= stream.size(); ++come) {
    Message message;
    const auto taken = decode(Bytes(stream).substr(at, come - at), message);
    ASSERT_TRUE(taken) << taken.error().message;
    if (*taken == 0) continue;
    at += *taken;
    indexes.push_back(message.index());
  }
  EXPECT_EQ(at, stream.size());
  EXPECT_EQ(indexes.size(), one_of_each().size());
}

TEST(Pool, ASucceededJobWithoutResultIsOneInteger) {
  Done done;
  done.outcomes.resize(1);
  done.outcomes[0].job = 5;
  EXPECT_EQ(bytes_of(done), "\x92\x03\x91\x05");
}

TEST(Pool, WhatIsNoMessageIsAnErrorAtOnce) {
  const std::pair<Bytes, Code> table[] = {
      {"hello\n", Code::malformed_frame},
      {Bytes("\x91\x00", 2), Code::unknown_message},
      {"\x91\x0a", Code::unknown_message},
      {"\x92\x07\x01", Code::malformed_frame},                             // stop has no fields
      {"\x94\x01\x02\x90\xc2", Code::unsupported_version},                 // ready
      {"\x94\x01\x01\x91\xa0\xc2", Code::invalid_argument},                // a handler without a name
      {"\x92\x03\x91\x93\x01\x02\xc4", Code::invalid_argument},            // status 2
      {"\x92\x03\x91\x93\x01\x01\x81\xa5retri\xc2", Code::unknown_field},  // a misspelt key
      {Bytes("\x92\x03\xdd\xff\xff\xff\xff", 7), Code::malformed_frame},   // more than a message may have
      {Bytes("\x94\x04\x01\x00\xdb\xff\xff\xff\xff", 9), Code::malformed_frame},
  };
  for (const auto& [bytes, code] : table) {
    Message message;
    const auto taken = decode(bytes, message);
    ASSERT_FALSE(taken) << testing::PrintToString(bytes);
    EXPECT_EQ(taken.error().code, code) << taken.error().message;
  }
}

TEST(Pool, AMessageThatNeverEndsIsRefusedAtTheLimit) {
  Buffer stream("\x92\x03\xdd\x03\xff\xff\xff", 7);
  stream.resize(message_max + 1, '\x01');
  Message message;
  const auto taken = decode(stream, message);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::frame_too_large);
}

}  // namespace
}  // namespace joinery::pool
