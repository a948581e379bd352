// Each verb of joinery::Connection, within a process and between two.
#include <gmock/gmock.h>

#include <future>
#include <map>

#include "tasks.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto limit = 60s;

TEST(Pipe, ValuesGoBothWays) {
  auto [a, b] = Pipe();
  a.send(42);
  a.send(std::map<std::string, std::vector<double>>{{"pi", {3, 0.14}}});
  b.send(std::string("back"));
  EXPECT_EQ(b.recv<int>(), 42);
  EXPECT_EQ((b.recv<std::map<std::string, std::vector<double>>>()["pi"][1]), 0.14);
  EXPECT_EQ(a.recv<std::string>(), "back");
}

TEST(Pipe, AnotherTypeIsToldAndTheNextMessageComes) {
  auto [a, b] = Pipe();
  a.send(std::string("text"));
  a.send(1);
  try {
    b.recv<int>();
    ADD_FAILURE() << "expected a TypeError";
  } catch (const TypeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a string of 4 bytes came, expected an integer"));
  }
  EXPECT_EQ(b.recv<int>(), 1);
}

TEST(Pipe, TheEndOfTheOtherSideIsAnErrorOfItsOwn) {
  auto [a, b] = Pipe();
  a.send(1);
  a.close();
  EXPECT_TRUE(b.poll());
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_TRUE(b.poll()) << "the end can be had";
  EXPECT_THROW(b.recv<int>(), EOFError);
  EXPECT_THROW(b.send(1), BrokenPipe);
  EXPECT_THROW(a.send(1), ValueError);
  EXPECT_THROW(a.fileno(), ValueError);
  EXPECT_TRUE(a.closed());
  a.close();
}

TEST(Pipe, AnEndInTheMiddleOfAMessageIsNoMessage) {
  auto [a, b] = Pipe();
  const char half[] = {0, 0, 0, 10, 'x'};
  ASSERT_EQ(::write(a.fileno(), half, sizeof half), static_cast<ssize_t>(sizeof half));
  a.close();
  EXPECT_THROW(b.recv_bytes(), OSError);
}

TEST(Pipe, OneWayEndsGoOneWay) {
  auto [in, out] = Pipe(false);
  EXPECT_TRUE(in.readable() && !in.writable());
  EXPECT_TRUE(out.writable() && !out.readable());
  EXPECT_THROW(in.send(1), ValueError);
  EXPECT_THROW(out.recv<int>(), ValueError);
  out.send(1);
  EXPECT_EQ(in.recv<int>(), 1);
  in.close();
  EXPECT_THROW(out.send(1), BrokenPipe);
}

TEST(Pipe, BytesHaveLimits) {
  auto [a, b] = Pipe();
  a.send_bytes("12345");
  a.send_bytes("67890");
  a.send_bytes("");
  char room[8] = "-------";
  try {
    b.recv_bytes_into(std::span(room).first(4));
    ADD_FAILURE() << "expected BufferTooShort";
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(error.message(), "12345");
  }
  EXPECT_EQ(b.recv_bytes_into(room, 2), 5U);
  EXPECT_EQ(std::string(room), "--67890");
  EXPECT_EQ(b.recv_bytes(), "");
  EXPECT_THROW(b.recv_bytes_into(room, 9), ValueError);
  a.send_bytes("12345");
  EXPECT_EQ(b.recv_bytes(5), "12345");
  a.send_bytes("123456");
  EXPECT_THROW(b.recv_bytes(5), OSError);
  EXPECT_TRUE(b.closed());
}

TEST(Pipe, PollWaitsAsLongAsItIsTold) {
  auto [a, b] = Pipe();
  EXPECT_FALSE(b.poll());
  EXPECT_FALSE(b.poll(-5s));
  EXPECT_FALSE(b.poll(10ms));
  auto waiting = std::async(std::launch::async, [&end = b] { return end.poll({}); });
  a.send(1);
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE(b.poll(limit));
}

TEST(Pipe, WaitRefusesWhatIsNoDescriptor) {
  auto [here, there] = Pipe();
  const int closed = there.fileno();
  there.close();
  EXPECT_EQ(wait({here.fileno()}, limit), std::vector{here.fileno()}) << "the end of the other";
  for (const int wrong : {closed, -1}) {
    try {
      wait({here.fileno(), wrong});
      ADD_FAILURE() << "expected an OSError for " << wrong;
    } catch (const OSError& error) {
      EXPECT_EQ(error.number(), EBADF);
    }
  }
}

// More than any socket holds, in both directions at a time.
TEST(Pipe, LargeMessagesPassAndAreNotMixed) {
  auto [here, there] = Pipe();
  joinery::Process process(program(), tasks().echo.bind(there));
  process.start();
  there.close();
  auto sent = std::async(std::launch::async, [&end = here] {
    for (char fill = 'a'; fill < 'e'; ++fill) end.send_bytes(std::string(5'000'000, fill));
  });
  for (char fill = 'a'; fill < 'e'; ++fill) EXPECT_EQ(here.recv_bytes(), std::string(5'000'000, fill));
  sent.get();
  here.close();
  EXPECT_TRUE(process.join(limit));
  EXPECT_EQ(process.exitcode(), 0);
}

TEST(Pipe, AProcessIsGivenSeveralEnds) {
  auto [read, write] = Pipe(false);
  auto [result, to] = Pipe(false);
  joinery::Process process(program(), tasks().forward.bind(read, to));
  process.start();
  read.close();
  to.close();
  write.send(std::string("through another process"));
  write.close();
  EXPECT_EQ(result.recv<std::string>(), "through another process");
  EXPECT_THROW(result.recv_bytes(), EOFError);
  EXPECT_TRUE(process.join(limit));
}

// Both are unpacked by the same thread.
TEST(Pipe, WhatATaskReceivesLeavesItsArgumentsAlone) {
  auto [here, there] = Pipe();
  msgpack::zone zone;
  const msgpack::object words(std::vector<std::string>{"the", "argument"}, zone);
  joinery::Process process(program(), tasks().last_word.bind(words, there));
  process.start();
  there.close();
  here.send(std::vector<std::string>{"some", "other", "message"});
  EXPECT_EQ(here.recv<std::string>(), "argument");
}

TEST(Pipe, AProcessThatIsKilledEndsItsPipe) {
  auto [here, there] = Pipe();
  joinery::Process process(program(), tasks().wait_for_end.bind(there));
  process.start();
  there.close();
  process.kill();
  EXPECT_THROW(here.recv<int>(), EOFError);
}

TEST(Pipe, AnEndIsNoMessage) {
  auto [a, b] = Pipe();
  EXPECT_THROW(a.send(b), ValueError);
}

}  // namespace
}  // namespace joinery::testing
