#include "worker/handlers/failure.h"

#include <gmock/gmock.h>

#include "worker/handlers/registry.h"

namespace joinery::handlers {
namespace {

struct Odd {};

template <typename F>
Described thrown_by(F fn) {
  try {
    fn();
  } catch (...) {
    return describe_current_exception();
  }
  return {};
}

TEST(DescribeException, names_class_and_message_of_a_standard_exception) {
  const auto [failure, retry, value] = thrown_by([] { throw std::out_of_range("no such row"); });
  EXPECT_EQ(failure.code, Code::handler_error);
  EXPECT_EQ(failure.type, "std::out_of_range");
  EXPECT_EQ(failure.message, "no such row");
  EXPECT_TRUE(retry);
}

TEST(DescribeException, tells_the_causes_of_a_nested_one) {
  const auto nested = [] {
    try {
      throw std::runtime_error("connection refused");
    } catch (...) {
      std::throw_with_nested(std::logic_error("cannot fetch"));
    }
  };
  EXPECT_EQ(thrown_by(nested).failure.message, "cannot fetch: connection refused");
}

TEST(DescribeException, names_the_type_of_anything_else) {
  EXPECT_THAT(thrown_by([] { throw Odd(); }).failure.type, ::testing::HasSubstr("Odd"));
  EXPECT_EQ(thrown_by([] { throw 5; }).failure.type, "int");
  EXPECT_EQ(thrown_by([] { throw "text"; }).failure.message, "text");
}

TEST(DescribeException, reject_malformed_and_unencodable_are_not_retried) {
  EXPECT_FALSE(thrown_by([] { throw Reject("no"); }).retry);
  const auto malformed = thrown_by([] { throw MalformedPayload("no"); });
  EXPECT_FALSE(malformed.retry);
  EXPECT_EQ(malformed.failure.code, Code::malformed_payload);
  const auto unencodable = thrown_by([] { throw UnencodableResult("no"); });
  EXPECT_FALSE(unencodable.retry);
  EXPECT_EQ(unencodable.failure.code, Code::unencodable_result);
}

TEST(DescribeException, a_failure_that_describes_itself_is_taken_as_it_is) {
  Failure failure;
  failure.type = "exit status";
  failure.message = "3: no such file";
  const auto described = thrown_by([&] { throw FailedWith(failure, false); });
  EXPECT_EQ(described.failure, failure);
  EXPECT_FALSE(described.retry);
}

}  // namespace
}  // namespace joinery::handlers
