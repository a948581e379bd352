// Addresses of Redis: what is understood, what is refused, what is shown.
#include <gmock/gmock.h>

#include "shared/redis/redis.h"

namespace joinery::redis {
namespace {

using ::testing::HasSubstr;

TEST(RedisUrl, IsWrittenAsItWasRead) {
  for (const char* text : {"redis://host:6379", "redis://10.0.0.1:7000/3", "redis://:secret@host:6379",
                           "redis://me:a%40b@host:1", "redis://[::1]:6379", "unix:///run/redis.sock",
                           "unix:///run/redis.sock?db=2&user=me&password=a%26b"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text << ": " << url.error().message;
    EXPECT_EQ(to_string_with_secret(*url), text);
  }
}

TEST(RedisUrl, HasDefaultsForWhatIsLeftOut) {
  const auto url = parse_url("redis://host");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "host");
  EXPECT_EQ(url->port, 6379);
  EXPECT_EQ(url->database, 0U);
}

TEST(RedisUrl, HidesThePassword) {
  EXPECT_EQ(to_string(*parse_url("redis://:secret@host:1")), "redis://:***@host:1");
  EXPECT_EQ(to_string(*parse_url("unix:///s?password=secret")), "unix:///s?password=***");
}

TEST(RedisUrl, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://host", "starts with neither"},        {"redis://", "host is missing"},
      {"redis://host:http", "port is \":http\""},    {"redis://host:0", "port"},
      {"redis://host/x", "database is \"x\""},       {"redis://secret@host", "no password before the @"},
      {"redis://:%4@host", "two hex digits"},        {"unix://relative", "path of the unix socket"},
      {"unix:///s?database=1", "part \"database\""}, {"redis://[::1", "[ without ]"},
  };
  for (const auto& [text, what] : cases) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::invalid_argument);
    EXPECT_EQ(url.error().field, "redis.url");
    EXPECT_THAT(url.error().message, HasSubstr(what));
  }
}

TEST(RedisSha1, IsThatOfTheStandard) {
  auto text = [](std::string_view of) {
    const auto digits = sha1(of);
    return std::string(digits.data(), digits.size());
  };
  EXPECT_EQ(text(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(text("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

}  // namespace
}  // namespace joinery::redis
