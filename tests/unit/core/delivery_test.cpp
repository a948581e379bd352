// Jobs come in, go out to workers and are finished.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Delivery : public testing::Test {
 protected:
  Delivery() { talk.producer("p"); }
  Conversation talk;
};

TEST_F(Delivery, AJobIsAcceptedDispatchedAndFinished) {
  EXPECT_EQ(talk.worker("w", {"mail"}), "welcome w");
  EXPECT_EQ(talk.submit("p", "mail"), "accepted p 1; dispatch w 1#1");
  EXPECT_EQ(talk.counts("mail"), "running=1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.counts("mail"), "succeeded=1");
  EXPECT_EQ(talk.state(1), "succeeded");
  EXPECT_EQ(talk.driver.released.size(), 1U);
}

TEST_F(Delivery, AWorkerHoldsNoMoreThanItsCapacity) {
  talk.worker("w", {"mail"}, {.capacity = 2});
  EXPECT_EQ(talk.submit("p", "mail", 5), "accepted p 1..5; dispatch w 1#1 2#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "3#1 2#1"), "acked w; dispatch w 4#1 5#1");
}

TEST_F(Delivery, WhatWaitsIsSharedOutAmongWorkers) {
  talk.worker("w1", {"mail"});
  talk.worker("w2", {"mail"});
  EXPECT_EQ(talk.submit("p", "mail", 4), "accepted p 1..4; dispatch w1 1#1 2#1; dispatch w2 3#1 4#1");
}

TEST_F(Delivery, IdleProcessesComeBeforePrefetch) {
  talk.worker("w1", {"mail"}, {.processes = 1});
  talk.worker("w2", {"mail"}, {.processes = 3});
  EXPECT_EQ(talk.submit("p", "mail", 4), "accepted p 1..4; dispatch w1 1#1; dispatch w2 2#1 3#1 4#1");
}

TEST_F(Delivery, TheFirstQueueOfAWorkerThatHasAJobIsServedFirst) {
  talk.submit("p", "later", 2);
  talk.submit("p", "urgent", 1);
  EXPECT_EQ(talk.worker("w", {"urgent", "later"}, {.capacity = 2}), "welcome w; dispatch w 3#1 1#1");
}

TEST_F(Delivery, AQueueThatComesUpLaterIsServed) {
  talk.worker("w", {"new"});
  EXPECT_EQ(talk.submit("p", "new"), "accepted p 1; dispatch w 1#1");
}

TEST_F(Delivery, AWorkerOfManyQueuesGetsEachJobInTheirOrder) {
  std::vector<std::string> queues;
  for (int i = 0; i < 200; ++i) queues.push_back("q" + std::to_string(i));
  for (const int made : {150, 7, 199}) talk.submit("p", queues[static_cast<std::size_t>(made)]);
  EXPECT_EQ(talk.worker("w", queues, {.capacity = 2}), "welcome w; dispatch w 2#1 1#1");
  talk.submit("p", "q66");
  talk.submit("p", "q65");
  EXPECT_EQ(talk.finish("w", "2#1 1#1"), "acked w; dispatch w 5#1 4#1");
  EXPECT_EQ(talk.finish("w", "5#1"), "acked w; dispatch w 3#1");
  talk.submit("p", "q7");
  EXPECT_EQ(talk.disconnect("w", true), "gone w");
  EXPECT_EQ(talk.worker("v", {"q7", "q66"}), "welcome v; dispatch v 6#1 4#2");
}

TEST_F(Delivery, AHandlerThatNoWorkerHasBlocksNobodyElse) {
  Spec other = Put::default_spec();
  other.handler = "other";
  talk.submit("p", "mail", {.spec = other});
  talk.submit("p", "mail", 2);
  EXPECT_EQ(talk.worker("w", {"mail"}, {.handlers = {"h"}}), "welcome w; dispatch w 2#1 3#1");
  EXPECT_EQ(talk.state(1), "ready");
  EXPECT_EQ(talk.worker("v", {"mail"}, {.handlers = {"other"}}), "welcome v; dispatch v 1#1");
}

TEST_F(Delivery, FifoHoldsAmongSeveralHandlers) {
  Spec other = Put::default_spec();
  other.handler = "other";
  for (int i = 0; i < 2; ++i) {
    talk.submit("p", "mail", 2);
    talk.submit("p", "mail", {.spec = other});
  }
  EXPECT_EQ(talk.worker("w", {"mail"}), "welcome w; dispatch w 1#1 2#1 3#1 4#1 5#1 6#1");
}

TEST_F(Delivery, LifoDeliversTheNewestFirst) {
  talk.admin("p", broker::Configure{"stack", {Mode::lifo}});
  talk.submit("p", "stack", 3);
  EXPECT_EQ(talk.worker("w", {"stack"}), "welcome w; dispatch w 3#1 2#1 1#1");
}

TEST_F(Delivery, PriorityDeliversTheLowerNumberFirstAndFifoWithin) {
  talk.admin("p", broker::Configure{"q", {.mode = Mode::priority}});
  talk.submit("p", "q", {.count = 5, .priority = {5, -1, 5, 0, -1}});
  EXPECT_EQ(talk.worker("w", {"q"}), "welcome w; dispatch w 2#1 5#1 4#1 1#1 3#1");
  EXPECT_EQ(talk.driver.core->job(1)->priority, 5);
}

TEST_F(Delivery, AFinishWithAnOldTokenIsRefusedAndTheRestIsApplied) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 3);
  talk.report("w", "2#1", {.kind = Kind::released});
  EXPECT_EQ(talk.finish("w", "1#1 2#1 3#1"), "acked w refused 2#1");
  EXPECT_EQ(talk.counts("mail"), "running=1 succeeded=2");
  EXPECT_EQ(talk.finish("w", "2#2 2#2"), "acked w refused 2#2");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w refused 1#1");
}

TEST_F(Delivery, ARepeatedSubmissionGetsTheSameAnswerAndNoNewJobs) {
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .sequence = 7}), "accepted p 1..2");
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .sequence = 7}), "accepted p 1..2");
  EXPECT_EQ(talk.counts("mail"), "ready=2");
  EXPECT_EQ(talk.submit("p", "mail", {.confirmed = 7, .sequence = 8}), "accepted p 3");
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .sequence = 7}), "refused p invalid_argument");
}

TEST_F(Delivery, DelayedJobsWaitOnTheMonotonicClock) {
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .delay_ms = {0, 500}}), "accepted p 1..2; dispatch w 1#1");
  EXPECT_EQ(talk.counts("mail"), "scheduled=1 running=1");
  talk.driver.now.wall += 1h;  // the wall clock jumps
  EXPECT_EQ(talk.pass(499ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

// A night of virtual time, in which its worker is heard and the wall clock is set.
TEST_F(Delivery, AJobOfHoursIsNotRunTwiceAndComesBackAtOnceWhenItsProcessDies) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.worker("v", {"mail"}, {.capacity = 1});
  EXPECT_EQ(talk.submit("p", "mail", 1), "accepted p 1; dispatch w 1#1");
  for (int beat = 0; beat < 12'000; ++beat) {
    for (const char* who : {"p", "v", "w"}) talk.driver.core->heard(talk.driver.now, talk.id(who));
    if (beat % 1000 == 0) talk.driver.now.wall += beat % 2000 == 0 ? 2h : -3h;
    ASSERT_EQ(talk.pass(3s), "") << "after " << beat * 3 << " s";
  }
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Kind::crashed}), "acked w; dispatch w 1#2");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w refused 1#1");
  EXPECT_EQ(talk.finish("w", "1#2"), "acked w");
}

TEST_F(Delivery, RunAtWaitsForTheWallClock) {
  talk.worker("w", {"mail"});
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "mail", {.run_at_ms = {now_ms + 60'000}});
  EXPECT_EQ(talk.driver.core->next_deadline().wall, talk.driver.now.wall + 1min);
  talk.driver.now.wall += 1min;
  EXPECT_EQ(talk.pass(0ms), "dispatch w 1#1");
}

TEST_F(Delivery, AJobThatIsNotStartedInTimeExpires) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "mail", {.count = 2, .expires_at_ms = {now_ms + 1000, 0}});
  talk.pass(1s);
  EXPECT_EQ(talk.counts("mail"), "ready=1 expired=1");
  EXPECT_EQ(talk.watch("p", {1}), "outcomes p 1=expired");
}

TEST_F(Delivery, AJobThatStartedInTimeDoesNotExpire) {
  talk.worker("w", {"mail"});
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "mail", {.expires_at_ms = {now_ms + 1000}});
  talk.report("w", "1#1", {.kind = Kind::crashed});
  EXPECT_EQ(talk.pass(2s), "");
  EXPECT_EQ(talk.finish("w", "1#2"), "acked w");
}

TEST_F(Delivery, PlacesGoWithTheDeliveries) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 3);
  const auto jobs = talk.driver.core->jobs("mail", State::running, 0, 10);
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[2].place.position, jobs[0].place.position + 200);
  EXPECT_TRUE(talk.driver.core->is_at(3, jobs[2].place));
}

}  // namespace
}  // namespace joinery::tests
