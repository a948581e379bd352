// Verbs on all jobs that fit a filter.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using broker::Bulk;
using broker::BulkVerb;
using broker::Filter;

class BulkVerbs : public testing::Test {
 protected:
  BulkVerbs() { talk.producer("p"); }
  static Spec spec(const std::string& handler) {
    Spec out = Put::default_spec();
    out.handler = handler;
    out.attempts = 1;
    return out;
  }
  std::string bulk(BulkVerb verb, Filter filter, bool dry_run = false) {
    return talk.admin("p", Bulk{.verb = verb, .filter = std::move(filter), .dry_run = dry_run});
  }
  Conversation talk;
};

TEST_F(BulkVerbs, DeadLettersAreChosenByWhatTheySay) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", {.count = 2, .spec = spec("h")});
  talk.report("w", "1#1", {.message = "disk full"});
  talk.report("w", "2#1", {.message = "no route to host"});
  EXPECT_EQ(bulk(BulkVerb::retry, {.error = "route"}, true), "done p 1");
  EXPECT_EQ(talk.counts("mail"), "failed=2") << "a dry run";
  EXPECT_EQ(bulk(BulkVerb::retry, {.error = "route"}), "done p 1; dispatch w 2#2");
  EXPECT_EQ(bulk(BulkVerb::remove, {.error = "type"}), "done p 1") << "or of which type they are";
  EXPECT_EQ(bulk(BulkVerb::remove, {}), "done p 0");
}

TEST_F(BulkVerbs, WaitingJobsAreChosenByHandlerAgeBatchAndState) {
  talk.admin("p", broker::OpenBatch{});
  talk.submit("p", "mail", {.spec = spec("old"), .batch = 1});
  talk.pass(10s);
  talk.submit("p", "mail", {.spec = spec("new"), .batch = 1});
  talk.submit("p", "mail", {.spec = spec("old"), .delay_ms = {60'000}});
  const Wall then = talk.driver.now.wall - 5s;
  EXPECT_EQ(bulk(BulkVerb::cancel, {.accepted_before = then}, true), "done p 1");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.handler = "old"}, true), "done p 2");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.state = State::scheduled}, true), "done p 1");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.key = "nobody"}, true), "done p 0");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.handler = "old", .batch = 1}), "done p 1");
  EXPECT_EQ(talk.state(1), "cancelled");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.queue = "none"}), "refused p unknown_queue");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.batch = 9}), "refused p unknown_batch");
}

TEST_F(BulkVerbs, ABatchHasTheJobsOfThoseInIt) {
  talk.admin("p", broker::OpenBatch{});
  talk.admin("p", broker::OpenBatch{"", 1});
  talk.admin("p", broker::OpenBatch{"", 2});
  talk.admin("p", broker::OpenBatch{});
  for (BatchId batch = 1; batch <= 4; ++batch) talk.submit("p", "mail", {.batch = batch});
  EXPECT_EQ(bulk(BulkVerb::cancel, {.batch = 1}, true), "done p 3");
  EXPECT_EQ(bulk(BulkVerb::cancel, {.batch = 2}, true), "done p 2");
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = {}, .batch = 1, .jobs = {}}}), "done p 3")
      << "as many as were counted";
}

TEST_F(BulkVerbs, WhatFitsIsMovedAsFarAsThereIsRoom) {
  talk.admin("p", broker::Configure{"small", {.maxsize = 1}});
  talk.submit("p", "mail", 2);
  Bulk move{.verb = BulkVerb::move, .filter = {.queue = "mail"}, .to = "small"};
  EXPECT_EQ(talk.admin("p", move), "refused p queue_full");
  move.dry_run = true;
  EXPECT_EQ(talk.admin("p", move), "refused p queue_full") << "as the move would be";
  move.dry_run = false;
  move.to = "wide";
  EXPECT_EQ(talk.admin("p", move), "done p 2");
  EXPECT_EQ(talk.counts("wide"), "ready=2");
  move.to = "";
  EXPECT_EQ(talk.admin("p", move), "refused p invalid_argument");
}

TEST_F(BulkVerbs, ManyJobsAreTakenSliceBySlice) {
  talk.submit("p", "mail", 15'000);
  talk.submit("p", "mail", 5'000);
  Bulk purge{.verb = BulkVerb::purge, .filter = {.queue = "mail"}};
  EXPECT_EQ(talk.admin("p", purge), fmt::format("done p {}", std::uint64_t{16'384} << 32U | 16'384U));
  purge.from = 16'384;
  EXPECT_EQ(talk.admin("p", purge), "done p 3616");
  EXPECT_EQ(talk.counts("mail"), "cancelled=20000");
}

TEST_F(BulkVerbs, JobsAreListedSliceBySlice) {
  for (int i = 0; i < 3; ++i) talk.submit("p", i == 1 ? "other" : "mail", 60'000);
  const broker::Core& core = *talk.driver.core;
  std::uint32_t slice = 0;
  EXPECT_EQ(core.jobs("", State::ready, 100'000, 3, &slice).front().id, 100'001U);
  EXPECT_EQ(slice, 131'072U);
  EXPECT_EQ(core.jobs("mail", std::nullopt, 0, 100'000, &slice).size(), 180'000U - 131'072U);
  EXPECT_EQ(slice, 0U);
}

}  // namespace
}  // namespace joinery::tests
