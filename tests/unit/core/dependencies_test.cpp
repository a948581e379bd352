// Jobs that come after others; batches that nest, are held open, and are cancelled at one stroke.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Flows : public testing::TestWithParam<bool> {
 protected:
  Flows() { talk.producer("p"); }
  void crash() {
    if (GetParam()) talk.driver.checkpoint();
    talk.crash();
    talk.producer("p");
  }
  static Spec spec(After after = After::succeeded) {
    Spec out = Put::default_spec();
    out.attempts = 1;
    out.after = after;
    return out;
  }
  std::string after(std::vector<std::int64_t> jobs, After policy = After::succeeded) {
    return talk.submit("p", "mail", {.spec = spec(policy), .after = {std::move(jobs)}});
  }
  std::string after_batch(BatchId batch, After policy = After::succeeded) {
    return talk.submit("p", "mail", {.spec = spec(policy), .after_batches = {{batch}}});
  }
  std::string in_batch(BatchId batch, std::uint32_t count = 1) {
    return talk.submit("p", "mail", {.count = count, .spec = spec(), .batch = batch});
  }
  std::string batch(BatchId id) { return describe(talk.driver.core->batch(id).value().counts); }
  static broker::Target of_batch(BatchId id) { return {.queue = {}, .batch = id, .jobs = {}}; }
  Conversation talk;
};
INSTANTIATE_TEST_SUITE_P(Core, Flows, testing::Bool(),
                         [](const auto& given) { return given.param ? "FromACheckpoint" : "FromChanges"; });

TEST_P(Flows, AJobIsBlockedUntilAllBeforeItSucceeded) {
  talk.submit("p", "mail", {.count = 2, .spec = spec()});
  EXPECT_EQ(after({1, 2}), "accepted p 3");
  EXPECT_EQ(talk.counts("mail"), "blocked=1 ready=2");
  crash();
  EXPECT_EQ(talk.worker("w", {"mail"}), "welcome w; dispatch w 1#1 2#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  crash();
  EXPECT_EQ(talk.worker("w", {"mail"}, {.held = "2#1"}), "resumed w");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.driver.core->inputs(3), (std::vector<JobId>{1, 2}));
}

TEST_P(Flows, TheDelayOfABlockedJobPassesOnTheMonotonicClock) {
  talk.submit("p", "mail", {.spec = spec()});
  talk.submit("p", "mail", {.delay_ms = {1000}, .after = {{1}}});
  talk.worker("w", {"mail"});
  talk.pass(400ms);
  talk.driver.now.wall += 1h;
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.pass(599ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

TEST_P(Flows, ABlockedJobThatIsGivenAnotherTimeGoesByTheWallClock) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "mail", {.spec = spec()});
  talk.submit("p", "mail", {.delay_ms = {1000}, .after = {{1}}});
  EXPECT_EQ(talk.admin("p", broker::Update{{2}, {}, now_ms + 60'000}), "done p 1");
  crash();
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.pass(2s), "");
  talk.driver.now.wall += 1min;
  EXPECT_EQ(talk.pass(0ms), "dispatch w 2#1");
}

TEST_P(Flows, WhatComesAfterAFailureIsCancelledWithTheReasonAndSoOn) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", {.spec = spec()});
  after({1});
  talk.submit("p", "mail", {.spec = spec(), .after = {{2}}, .watch = true});
  after({1}, After::finished);
  EXPECT_EQ(talk.report("w", "1#1", {}), "acked w; outcomes p 3=cancelled; dispatch w 4#1");
  EXPECT_EQ(talk.state(2), "cancelled");
  crash();
  EXPECT_EQ(talk.counts("mail"), "running=1 failed=1 cancelled=2");
}

TEST_P(Flows, WhatHasEndedAlreadyIsNotWaitedFor) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", {.count = 2, .spec = spec()});
  talk.finish("w", "1#1");
  talk.report("w", "2#1", {});
  EXPECT_EQ(after({1}), "accepted p 3; dispatch w 3#1");
  EXPECT_EQ(after({2}), "accepted p 4");
  EXPECT_EQ(talk.state(4), "cancelled");
  EXPECT_EQ(after({2}, After::finished), "accepted p 5; dispatch w 5#1");
  EXPECT_EQ(after({77}), "accepted p unknown_job");
}

TEST_P(Flows, AJobOfAFrameCanNameThoseBeforeIt) {
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.submit("p", "mail", {.count = 3, .spec = spec(), .after = {{}, {-1}, {-1, -2}}}),
            "accepted p 1..3; dispatch w 1#1");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .after = {{-2}, {}}}), "accepted p invalid_argument");
  EXPECT_EQ(talk.submit("p", "mail", {.after = {{-1}}}), "accepted p invalid_argument");
}

TEST_P(Flows, AJobThatNeverCameInDidNotSucceed) {
  talk.admin("p", broker::Configure{"small", {.maxsize = 1}});
  EXPECT_EQ(talk.submit("p", "small"), "accepted p 1");
  EXPECT_EQ(talk.submit("p", "small", {.timeout = 5s}), "");
  after({2});
  after({2}, After::finished);
  crash();
  EXPECT_EQ(talk.pass(5s), "accepted p queue_full");
  EXPECT_EQ(talk.state(3), "cancelled");
  EXPECT_EQ(talk.state(4), "ready");
}

TEST_P(Flows, WhatComesAfterAFailureEndsAlsoIfItIsParked) {
  talk.worker("w", {"mail"});
  talk.admin("p", broker::Configure{"small", {.maxsize = 1}});
  talk.submit("p", "mail", {.spec = spec()});
  talk.submit("p", "small");
  EXPECT_EQ(talk.submit("p", "small", {.spec = spec(), .after = {{1}}}), "");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  EXPECT_EQ(talk.report("w", "1#1", {}), "acked w; accepted p 3");
  EXPECT_EQ(talk.state(3), "cancelled");
  EXPECT_EQ(talk.counts("small"), "ready=1 cancelled=1");
}

TEST_P(Flows, ATimeAndADependencyMustBothBeOver) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", {.spec = spec()});
  talk.submit("p", "mail", {.spec = spec(), .delay_ms = {5000}, .after = {{1}}});
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.state(2), "scheduled");
  EXPECT_EQ(talk.pass(5s), "dispatch w 2#1");
}

TEST_P(Flows, ACallbackRunsWhenItsBatchIsFinished) {
  talk.worker("w", {"mail"});
  talk.admin("p", broker::OpenBatch{});
  EXPECT_EQ(after_batch(1), "accepted p 1");
  after_batch(1, After::finished);
  EXPECT_EQ(in_batch(1, 2), "accepted p 3..4; dispatch w 3#1 4#1");
  crash();
  talk.worker("w", {"mail"}, {.held = "3#1 4#1"});
  EXPECT_EQ(talk.succeed_with_child("w", "3#1", "mail"), "acked w; dispatch w 5#1") << "the batch grows";
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w");
  EXPECT_EQ(talk.finish("w", "5#1"), "acked w; dispatch w 1#1 2#1");
}

TEST_P(Flows, ASuccessCallbackIsCancelledIfOneOfTheBatchFailed) {
  talk.worker("w", {"mail"});
  talk.admin("p", broker::OpenBatch{});
  after_batch(1);
  after_batch(1, After::finished);
  in_batch(1, 2);
  talk.report("w", "3#1", {});
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.state(1), "cancelled");
}

TEST_P(Flows, AHeldBatchIsNotFinishedBeforeItIsClosed) {
  talk.worker("w", {"mail"});
  talk.admin("p", broker::OpenBatch{"", 0, true});
  after_batch(1);
  in_batch(1);
  talk.finish("w", "2#1");
  EXPECT_EQ(talk.join("p", of_batch(1)), "");
  crash();
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.admin("p", broker::CloseBatch{1}), "done p 1; dispatch w 1#1");
}

TEST_P(Flows, ABatchIsNotFinishedBeforeThoseInIt) {
  talk.worker("w", {"mail"});
  talk.admin("p", broker::OpenBatch{});
  talk.admin("p", broker::OpenBatch{"", 1});
  after_batch(1);
  in_batch(1);
  in_batch(2);
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w");
  crash();
  talk.worker("w", {"mail"}, {.held = "3#1"});
  EXPECT_EQ(talk.join("p", of_batch(1)), "");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; joined p succeeded=2; dispatch w 1#1");
}

TEST_P(Flows, ABatchCountsTheJobsOfThoseInItHoweverDeep) {
  talk.admin("p", broker::OpenBatch{});
  for (const BatchId parent : {1, 2, 2}) talk.admin("p", broker::OpenBatch{"", parent});
  for (const BatchId in : {1, 3, 3, 4}) in_batch(in);
  talk.submit("p", "mail", {.spec = spec(), .batch = 4, .delay_ms = {100'000}});
  crash();
  EXPECT_EQ(batch(1), "scheduled=1 ready=4");
  EXPECT_EQ(batch(2), "scheduled=1 ready=3");
  talk.worker("w", {"mail"});
  talk.finish("w", "1#1 2#1");
  talk.report("w", "3#1", {});
  crash();
  talk.worker("w", {"mail"}, {.held = "4#1"});
  EXPECT_EQ(batch(1), "scheduled=1 running=1 succeeded=2 failed=1");
  EXPECT_EQ(batch(3), "succeeded=1 failed=1");
  talk.join("p", of_batch(1));
  EXPECT_EQ(talk.admin("p", broker::Cancel{of_batch(4)}), "revoke w cancelled 4#1; done p 2");
  EXPECT_EQ(talk.report("w", "4#1", {.kind = Kind::cancelled}),
            "acked w; joined p succeeded=2 failed=1 cancelled=2");
  talk.admin("p", broker::Retry{{3}});
  EXPECT_EQ(batch(1), "running=1 succeeded=2 cancelled=2");
}

TEST_P(Flows, ABatchStillCountsThoseInItThatAreForgotten) {
  broker::CoreOptions options;
  options.batches_kept = 1;
  Conversation small(options);
  small.producer("p");
  small.worker("w", {"mail"});
  small.admin("p", broker::OpenBatch{"", 0, true});
  for (BatchId inner = 2; inner < 5; ++inner) {
    small.admin("p", broker::OpenBatch{"", 1});
    small.submit("p", "mail", {.spec = spec(), .batch = inner});
    small.finish("w", std::to_string(inner - 1) + "#1");
  }
  if (GetParam()) small.driver.checkpoint();
  small.crash();
  EXPECT_EQ(small.driver.core->batch(2), std::nullopt);
  EXPECT_EQ(describe(small.driver.core->batch(1).value().counts), "succeeded=3");
}

TEST_P(Flows, AJobCannotComeAfterItsOwnBatch) {
  talk.admin("p", broker::OpenBatch{});
  talk.admin("p", broker::OpenBatch{"", 1});
  EXPECT_EQ(talk.submit("p", "mail", {.batch = 2, .after_batches = {{1}}}), "accepted p invalid_argument");
}

TEST_P(Flows, ACancelledBatchIsOneChangeAndItsCountsAreRightAtOnce) {
  talk.admin("p", broker::OpenBatch{});
  in_batch(1, 1000);
  talk.submit("p", "mail", {.count = 10, .batch = 1, .delay_ms = std::vector<std::uint64_t>(10, 1000)});
  talk.submit("p", "mail");
  talk.join("p", of_batch(1));
  EXPECT_EQ(talk.admin("p", broker::Cancel{of_batch(1)}), "done p 1010; joined p cancelled=1010");
  EXPECT_EQ(talk.counts("mail"), "ready=1 cancelled=1010");
  EXPECT_EQ(talk.state(1), "cancelled");
  crash();
  EXPECT_EQ(talk.counts("mail"), "ready=1 cancelled=1010");
  EXPECT_EQ(talk.worker("w", {"mail"}), "welcome w; dispatch w 1011#1");
  talk.pass(10s);
  EXPECT_EQ(talk.driver.released.size(), 1010U) << "its jobs were swept away";
  EXPECT_EQ(in_batch(1), "accepted p invalid_state");
}

TEST_P(Flows, ABatchOverManyQueuesIsCancelledInEach) {
  talk.admin("p", broker::OpenBatch{});
  for (int job = 0; job < 60; ++job)
    talk.submit("p", "q" + std::to_string(job % 20), {.batch = job < 40 ? 1U : 0U});
  crash();
  talk.submit("p", "q3", {.batch = 1});
  EXPECT_EQ(talk.admin("p", broker::Cancel{of_batch(1)}), "done p 41");
  for (int queue = 0; queue < 20; ++queue)
    EXPECT_EQ(talk.counts("q" + std::to_string(queue)),
              queue == 3 ? "ready=1 cancelled=3" : "ready=1 cancelled=2");
}

TEST_P(Flows, RunningJobsOfACancelledBatchAreToldAlsoInNestedOnes) {
  talk.worker("w", {"mail"}, {.capacity = 2});
  talk.admin("p", broker::OpenBatch{});
  talk.admin("p", broker::OpenBatch{"", 1});
  in_batch(1);
  in_batch(2, 2);
  EXPECT_EQ(talk.admin("p", broker::Cancel{of_batch(1)}), "revoke w cancelled 1#1 2#1; done p 3");
  EXPECT_EQ(batch(2), "running=1 cancelled=1");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1 2#1"});
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Kind::failed}), "acked w");
  EXPECT_EQ(talk.report("w", "2#1", {.kind = Kind::cancelled}), "acked w");
  EXPECT_EQ(batch(1), "cancelled=3") << "those of the batch in it too";
  EXPECT_EQ(batch(2), "cancelled=2");
}

TEST_P(Flows, WhatComesAfterACancelledJobOfABatchIsCancelledToo) {
  talk.admin("p", broker::OpenBatch{});
  in_batch(1, 2);
  after({1});
  after_batch(1, After::finished);
  talk.admin("p", broker::Cancel{of_batch(1)});
  talk.pass(1s);
  EXPECT_EQ(talk.state(3), "cancelled");
  EXPECT_EQ(talk.state(4), "ready");
}

// --- flows: all or none ---

TEST_P(Flows, AFlowIsPutInABatchOfItsOwnAndItsJobsKnowEachOther) {
  const Put first{.count = 2, .spec = spec()};
  const Put last{.spec = spec(), .after = {{-1, -2}}};
  EXPECT_EQ(talk.flow("p", "night", {{"mail", first}, {"post", last}}), "accepted p 1..2 3 batch=1");
  crash();
  EXPECT_EQ(batch(1), "blocked=1 ready=2");
  EXPECT_EQ(talk.driver.core->batch(1)->name, "night");
  EXPECT_FALSE(talk.driver.core->batch(1)->held);
  talk.worker("w", {"mail", "post"});
  EXPECT_EQ(talk.finish("w", "1#1 2#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w");
  EXPECT_EQ(batch(1), "succeeded=3");
}

TEST_P(Flows, OneRefusedJobLeavesNothingOfAFlow) {
  talk.admin("p", broker::Configure{"small", {.maxsize = 2}});
  talk.submit("p", "mail", {.unique_key = {"taken"}});
  const Put good{.spec = spec()};
  const Put two{.count = 2, .spec = spec()};
  const Put taken{.spec = spec(), .unique_key = {"taken"}};
  const Put fresh{.spec = spec(), .unique_key = {"fresh"}};
  EXPECT_EQ(talk.flow("p", "", {{"mail", good}, {"mail", taken}}), "refused p duplicate_job");
  EXPECT_EQ(talk.flow("p", "", {{"mail", fresh}, {"mail", fresh}}), "refused p duplicate_job");
  EXPECT_EQ(talk.flow("p", "", {{"mail", good}, {"small", two}, {"small", good}}), "refused p queue_full");
  EXPECT_EQ(talk.flow("p", "", {{"mail", good}, {"mail", {.spec = spec(), .after = {{77}}}}}),
            "refused p unknown_job");
  EXPECT_EQ(talk.flow("p", "", {{"mail", good}, {"mail", {.spec = spec(), .after_batches = {{1}}}}}),
            "refused p unknown_batch");
  EXPECT_EQ(talk.flow("p", "", {{"mail", {.spec = spec(), .batch = 1}}}), "refused p invalid_argument");
  crash();
  EXPECT_EQ(talk.counts("mail"), "ready=1");
  EXPECT_EQ(talk.driver.core->batch(1), std::nullopt);
  EXPECT_EQ(talk.flow("p", "", {{"new", good}, {"small", two}}), "accepted p 2 3..4 batch=1");
}

TEST_P(Flows, WhatWouldBeOverBeforeItMayStartIsRefused) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  const auto put = [&](std::uint64_t delay_ms, std::int64_t run_at_ms, std::int64_t expires_at_ms,
                       std::int64_t deadline_ms) {
    const Put one{.spec = spec(),
                  .delay_ms = {delay_ms},
                  .run_at_ms = {run_at_ms},
                  .expires_at_ms = {expires_at_ms},
                  .deadline_ms = {deadline_ms}};
    const std::string flow = talk.flow("p", "", {{"mail", one}});
    const std::string alone = talk.submit("p", "mail", one);
    EXPECT_EQ(flow.starts_with("refused p invalid_argument"), alone == "accepted p invalid_argument")
        << flow << alone;
    return alone;
  };
  EXPECT_EQ(put(0, 0, now_ms, 0), "accepted p expired");
  EXPECT_EQ(put(0, 0, 0, now_ms - 1), "accepted p expired");
  EXPECT_EQ(put(1000, 0, now_ms + 1000, 0), "accepted p invalid_argument");
  EXPECT_EQ(put(1000, 0, 0, now_ms + 999), "accepted p invalid_argument");
  EXPECT_EQ(put(0, now_ms + 1000, 0, now_ms + 1000), "accepted p invalid_argument");
  EXPECT_EQ(put(0, now_ms - 1000, now_ms + 1, now_ms + 1), "accepted p 2") << "1 is the flow's";
  EXPECT_EQ(put(999, now_ms + 999, now_ms + 1000, 0), "accepted p 4");
}

TEST_P(Flows, AFlowReplacesAndIgnoresOnlyIfAllOfItIsAccepted) {
  Put replace{.spec = spec(), .unique_key = {"a"}};
  Put ignore{.spec = spec(), .unique_key = {"b"}};
  talk.submit("p", "mail", replace);
  talk.submit("p", "mail", ignore);
  replace.spec.unique.on_conflict = OnConflict::replace;
  ignore.spec.unique.on_conflict = OnConflict::ignore;
  const Put bad{.spec = spec(), .after = {{77}}};
  EXPECT_EQ(talk.flow("p", "", {{"mail", replace}, {"mail", bad}}), "refused p unknown_job");
  EXPECT_EQ(talk.counts("mail"), "ready=2");
  const Put last{.spec = spec(), .after = {{-1, -2}}};
  EXPECT_EQ(talk.flow("p", "", {{"mail", replace}, {"mail", ignore}, {"mail", last}, {"mail", ignore}}),
            "accepted p 3 2 4 2 batch=1");
  EXPECT_EQ(talk.counts("mail"), "blocked=1 ready=2 cancelled=1");
}

}  // namespace
}  // namespace joinery::tests
