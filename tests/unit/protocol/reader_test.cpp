// Reader and Writer against each other and against msgpack-c.
#include "shared/protocol/reader.h"

#include <gmock/gmock.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // g++ 12 misreads msgpack's zone
#include <msgpack.hpp>
#pragma GCC diagnostic pop

#include <sstream>

#include "shared/protocol/writer.h"

namespace joinery::protocol {
namespace {

using testing::HasSubstr;

template <typename T>
std::string packed(const T& value) {
  std::ostringstream out;
  msgpack::pack(out, value);
  return out.str();
}

template <typename Write>
Buffer written(Write write) {
  Buffer buffer;
  Writer out(buffer);
  write(out);
  return buffer;
}

constexpr std::uint64_t edges[] = {0,      1,       0x7f,        0x80,          0xff, 0x100,
                                   0xffff, 0x10000, 0xffff'ffff, 0x1'0000'0000, ~0ULL};

TEST(Wire, IntegersAreThoseOfMsgpackAtEveryWidth) {
  for (std::uint64_t value : edges) {
    const Buffer bytes = written([&](Writer& out) { out.u64(value); });
    EXPECT_EQ(bytes, packed(value));
    Reader in(bytes);
    EXPECT_EQ(in.u64("x"), value);
    EXPECT_TRUE(in.done());
  }
  for (std::int64_t value :
       {-1L, -32L, -33L, -128L, -129L, -32768L, -32769L, -2147483648L, -2147483649L, INT64_MIN}) {
    const Buffer bytes = written([&](Writer& out) { out.i64(value); });
    EXPECT_EQ(bytes, packed(value));
    Reader in(bytes);
    EXPECT_EQ(in.i64("x"), value);
    EXPECT_TRUE(in.done());
  }
}

TEST(Wire, TextAndBinaryAreThoseOfMsgpackAtEveryLength) {
  for (std::size_t size : {0, 1, 31, 32, 255, 256, 65535, 65536}) {
    const std::string text(size, 'x');
    const Buffer str = written([&](Writer& out) { out.str(text); });
    EXPECT_EQ(str, packed(text));
    const Buffer bin = written([&](Writer& out) { out.bin(text); });
    EXPECT_EQ(bin, packed(std::vector<char>(text.begin(), text.end())));
    Reader in(str);
    EXPECT_EQ(in.str("x"), text);
    Reader binary(bin);
    EXPECT_EQ(binary.bin("x"), text);
    Reader either(str);
    EXPECT_EQ(either.bin("x"), text);
  }
}

TEST(Wire, ArraysMapsAndFloatsAreThoseOfMsgpack) {
  for (std::size_t count : {0, 1, 15, 16, 65535, 65536}) {
    const std::string expected = packed(std::vector<bool>(count));
    Buffer bytes = written([&](Writer& out) { out.array(count); });
    EXPECT_EQ(bytes, expected.substr(0, bytes.size()));
    Reader in(expected);
    EXPECT_EQ(in.array("x"), count);
  }
  EXPECT_EQ(written([](Writer& out) { out.f64(0.1); }), packed(0.1));
  EXPECT_EQ(written([](Writer& out) { out.f32(0.1F); }), packed(0.1F));
  for (const std::string& number : {packed(0.5), packed(0.5F)}) {
    Reader in(number);
    EXPECT_EQ(in.number("x"), 0.5);
  }
  Reader negative("\xff");
  EXPECT_EQ(negative.number("x"), -1);
}

TEST(Wire, AnErrorNamesTheFieldWhatCameAndWhatWasExpected) {
  const std::pair<Bytes, const char*> not_an_integer[] = {
      {"\xa1x", "age is a string, expected an integer"},
      {"\xc0", "age is nil"},
      {"\xc3", "age is a boolean"},
      {Bytes("\xca\0\0\0\0", 5), "age is a float"},
      {"\x90", "age is an array"},
      {"\x80", "age is a map"},
      {Bytes("\xc4\0", 2), "age is binary"},
      {"\xd4\x01x", "age is an extension type"},
      {"\xc1", "age is a byte that msgpack does not use"}};
  for (const auto& [bytes, message] : not_an_integer) {
    Reader in(bytes);
    EXPECT_EQ(in.u64("age"), 0U);
    EXPECT_FALSE(in.ok());
    EXPECT_THAT(in.error().message, HasSubstr(message));
    EXPECT_EQ(in.error().field, "age");
    EXPECT_EQ(in.error().code, Code::malformed_frame);
  }
}

TEST(Wire, NumbersOutOfRangeAreSaidWithTheirValue) {
  Reader negative("\xfb");
  negative.u64("age");
  EXPECT_EQ(negative.error().message, "age is -5, expected 0 or more");
  const Buffer large = written([](Writer& out) { out.u64(5'000'000'000); });
  Reader in(large);
  in.u32("age");
  EXPECT_EQ(in.error().message, "age is 5000000000, expected at most 4294967295");
  EXPECT_EQ(in.error().code, Code::invalid_argument);
  const Buffer largest = written([](Writer& out) { out.u64(~0ULL); });
  Reader sign(largest);
  sign.i64("age");
  EXPECT_FALSE(sign.ok());
}

TEST(Wire, TheFirstMistakeSticksAndWhatFollowsIsEmpty) {
  Reader in("\x93\xa1x\x02\x03");
  in.array("list", 3);
  EXPECT_EQ(in.u64("first"), 0U);
  EXPECT_EQ(in.u64("second"), 0U);
  EXPECT_EQ(in.array("third"), 0U);
  EXPECT_EQ(in.str("fourth"), "");
  EXPECT_FALSE(in.done());
  EXPECT_EQ(in.error().field, "first");
}

TEST(Wire, ARawValueIsSkippedWholeHoweverDeepItIs) {
  Buffer deep(1'000'000, '\x91');
  deep += '\xc0';
  Reader in(deep);
  EXPECT_EQ(in.raw("x").size(), deep.size());
  EXPECT_TRUE(in.done());
  Reader extension("\xd4\x01x");
  extension.raw("x");
  EXPECT_FALSE(extension.ok());
}

}  // namespace
}  // namespace joinery::protocol
