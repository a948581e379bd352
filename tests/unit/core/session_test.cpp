// Sessions: resume, roles, what a returning worker holds.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;

class Sessions : public testing::Test {
 protected:
  Sessions() { talk.producer("p"); }
  Conversation talk;
};

TEST_F(Sessions, ASessionThatReturnsIsResumedWithItsLastSequence) {
  talk.submit("p", "mail", {.sequence = 4});
  talk.disconnect("p");
  const auto effects = talk.driver.apply(
      broker::Connect{.session = talk.id("p"), .role = broker::Role::producer, .worker = {}, .held = {}});
  const auto& welcome = std::get<broker::effect::Welcome>(effects.at(0));
  EXPECT_TRUE(welcome.resumed);
  EXPECT_EQ(welcome.last_sequence, 4U);
}

TEST_F(Sessions, ASessionKeepsItsRole) { EXPECT_EQ(talk.worker("p", {"mail"}), "refused p wrong_role"); }

TEST_F(Sessions, AProducerThatIsAwayTooLongIsForgotten) {
  talk.disconnect("p");
  EXPECT_EQ(talk.pass(1h), "gone p");
  EXPECT_EQ(talk.submit("p", "mail"), "refused p no_session");
  EXPECT_EQ(talk.producer("p"), "welcome p");
}

TEST_F(Sessions, AWorkerThatReturnsWithinTheGraceKeepsWhatItHolds) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 2);
  talk.disconnect("w");
  talk.pass(500ms);
  EXPECT_EQ(talk.worker("w", {"mail"}, {.held = "1#1 2#1"}), "resumed w");
  EXPECT_EQ(talk.pass(1s), "");
  EXPECT_EQ(talk.finish("w", "1#1 2#1"), "acked w");
}

TEST_F(Sessions, WhatWasLostOnItsWayToAWorkerIsSentAgain) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 3);
  talk.disconnect("w");
  EXPECT_EQ(talk.worker("w", {"mail"}, {.held = "2#1"}), "resumed w; dispatch w 1#2 3#2");
}

TEST_F(Sessions, AWorkerThatIsAwayGetsNothing) {
  talk.worker("w", {"mail"});
  talk.disconnect("w");
  EXPECT_EQ(talk.submit("p", "mail"), "accepted p 1");
  EXPECT_EQ(talk.worker("w", {"mail"}), "resumed w; dispatch w 1#1");
}

TEST_F(Sessions, CapacityCanChange) {
  talk.worker("w", {"mail"}, {.capacity = 0});
  EXPECT_EQ(talk.submit("p", "mail", 2), "accepted p 1..2");
  EXPECT_EQ(talk.text(talk.driver.apply(broker::Capacity{talk.id("w"), 1})), "dispatch w 1#1");
  EXPECT_EQ(talk.text(talk.driver.apply(broker::Capacity{talk.id("p"), 1})), "refused p wrong_role");
}

TEST_F(Sessions, ACancellationIsToldAgainToAWorkerThatReturns) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  talk.disconnect("w");
  talk.admin("p", broker::Cancel{{.queue = "mail", .jobs = {}}});
  EXPECT_EQ(talk.worker("w", {"mail"}, {.held = "1#1"}), "resumed w; revoke w cancelled 1#1 again");
}

TEST_F(Sessions, WorkersAreShownWithWhatTheyHold) {
  talk.worker("w", {"mail"}, {.capacity = 2});
  talk.submit("p", "mail", 3);
  talk.finish("w", "1#1");
  const auto workers = talk.driver.core->workers();
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_EQ(workers[0].info->name, "w");
  EXPECT_EQ(workers[0].holds, 2U);
  EXPECT_EQ(workers[0].succeeded, 1U);
  EXPECT_EQ(talk.driver.core->job(2)->worker, "w");
}

TEST_F(Sessions, AnAnswerWarnsOfAHandlerThatNoWorkerHas) {
  talk.worker("w", {"mail"}, {.handlers = {"other"}});
  EXPECT_FALSE(talk.driver.core->has_worker("mail", "h"));
  talk.submit("p", "mail");
  EXPECT_FALSE(talk.driver.core->has_worker("mail", "h"));
  EXPECT_TRUE(talk.driver.core->has_worker("mail", "other"));
}

}  // namespace
}  // namespace joinery::tests
