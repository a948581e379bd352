#include "producer/cli/items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "shared/base/unique_fd.h"

namespace joinery::cli {
namespace {

using testing::ElementsAre;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    reading.reset(ends[0]);
    writing.reset(ends[1]);
  }
  void write(std::string_view text) {
    EXPECT_EQ(::write(writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  unique_fd reading, writing;
};

std::vector<std::string> all(Items& items) {
  std::vector<std::string> found;
  for (std::string item; items.next(item).value();) found.push_back(item);
  return found;
}

TEST(Items, AreTheLinesOfAStreamWithoutEmptyOnes) {
  Pipe pipe;
  pipe.write("one\n\ntwo three\nlast without end");
  pipe.writing.reset();
  Items items(pipe.reading.get(), '\n');
  EXPECT_THAT(all(items), ElementsAre("one", "two three", "last without end"));
  EXPECT_EQ(items.place(), "line 4 of stdin");
}

TEST(Items, AreTheArgumentsWithoutEmptyOnes) {
  Items items(std::vector<std::string>{"", "1", "", "3", ""});
  EXPECT_THAT(all(items), ElementsAre("1", "3"));
}

TEST(Items, MayHoldNewlinesIfNulEndsThem) {
  Pipe pipe;
  pipe.write(std::string_view("a\nb\0c\0", 6));
  pipe.writing.reset();
  Items items(pipe.reading.get(), '\0');
  EXPECT_THAT(all(items), ElementsAre("a\nb", "c"));
}

TEST(Items, AreArgumentsAsTheyStand) {
  Items items(std::vector<std::string>{"a b", "c"});
  EXPECT_THAT(all(items), ElementsAre("a b", "c"));
}

TEST(Items, OfASlowStreamAreKnownToBeAtHandOrNot) {
  Pipe pipe;
  pipe.write("one\ntwo\nthr");
  Items items(pipe.reading.get(), '\n');
  std::string item;
  EXPECT_TRUE(items.next(item).value());
  EXPECT_TRUE(items.at_hand());
  EXPECT_TRUE(items.next(item).value());
  EXPECT_FALSE(items.at_hand());
  pipe.write("ee\n");
  EXPECT_TRUE(items.next(item).value());
  EXPECT_EQ(item, "three");
}

TEST(Items, LongerThanAChunkComeWhole) {
  Pipe pipe;
  const std::string longer(300'000, 'x');
  std::thread writer([&] {
    pipe.write("a\n" + longer + "\nb\n");
    pipe.writing.reset();
  });
  Items items(pipe.reading.get(), '\n');
  EXPECT_THAT(all(items), ElementsAre("a", longer, "b"));
  writer.join();
}

TEST(Items, ThatCannotBeReadAreAnError) {
  Items items(-2, '\n');
  std::string item;
  EXPECT_FALSE(items.next(item).value());  // no descriptor: no items
  Pipe pipe;
  Items closed(pipe.writing.get(), '\n');
  ASSERT_FALSE(closed.next(item));
  EXPECT_EQ(closed.next(item).error().code, Code::io_error);
}

}  // namespace
}  // namespace joinery::cli
