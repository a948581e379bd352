#include <gmock/gmock.h>

#include "fixtures.h"

namespace joinery::protocol {
namespace {

TEST(Messages, EachOneComesBackAsItWas) {
  for (const Message& message : one_of_each()) {
    Buffer frame;
    encode(message, frame);
    auto decoded = decode(frame);
    ASSERT_TRUE(decoded) << "message " << message.index() << ": " << decoded.error().message;
    ASSERT_EQ(decoded->index(), message.index());
    Buffer again;
    encode(*decoded, again);
    EXPECT_EQ(again, frame) << "message " << message.index();
  }
}

}  // namespace
}  // namespace joinery::protocol
