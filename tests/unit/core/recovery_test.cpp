// The broker dies and comes back: from the changes alone, and from a checkpoint and the changes since.
#include <gmock/gmock.h>

#include <map>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

// Every test once with the changes alone, and once with a checkpoint just before the crash.
class Recovery : public testing::TestWithParam<bool> {
 protected:
  Recovery() { talk.producer("p"); }
  std::string crash() {
    if (GetParam()) talk.driver.checkpoint();
    return talk.crash();
  }
  Conversation talk;
};
INSTANTIATE_TEST_SUITE_P(Core, Recovery, testing::Bool(),
                         [](const auto& with) { return with.param ? "FromACheckpoint" : "FromChanges"; });

TEST_P(Recovery, WaitingJobsAreThereInTheirOrder) {
  talk.submit("p", "mail", 3);
  talk.admin("p", broker::Configure{"stack", {.mode = Mode::lifo}});
  talk.submit("p", "stack", 2);
  talk.admin("p", broker::Configure{"q", {.mode = Mode::priority}});
  talk.submit("p", "q", {.count = 2, .priority = {2, 1}});
  crash();
  EXPECT_EQ(talk.worker("w", {"mail", "stack", "q"}), "welcome w; dispatch w 1#1 2#1 3#1 5#1 4#1 7#1 6#1");
}

TEST_P(Recovery, DefaultOptionsOfAQueueAreThere) {
  SpecDefaults defaults;
  defaults.attempts = 5;
  defaults.backoff = Backoff{.initial_ms = 1, .list_ms = {2, 3}};
  defaults.no_retry = {"KeyError"};
  talk.admin("p", broker::Configure{"mail", {.defaults = defaults}});
  crash();
  ASSERT_NE(talk.driver.core->defaults_of("mail"), nullptr);
  EXPECT_EQ(*talk.driver.core->defaults_of("mail"), defaults);
  EXPECT_EQ(talk.driver.core->defaults_of("other"), nullptr);
}

TEST_P(Recovery, RunningJobsStayWithTheirWorkerIfItComesBack) {
  talk.worker("w", {"mail"}, {.capacity = 2});
  talk.submit("p", "mail", 3);
  crash();
  EXPECT_EQ(talk.counts("mail"), "ready=1 running=2");
  EXPECT_EQ(talk.worker("w", {"mail"}, {.capacity = 2, .held = "1#1 2#1"}), "resumed w");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 3#1");
}

TEST_P(Recovery, RunningJobsRunElsewhereWhenTheLeaseEnds) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  crash();
  EXPECT_EQ(talk.worker("v", {"mail"}), "welcome v");
  EXPECT_EQ(talk.pass(14s), "");
  talk.driver.core->heard(talk.driver.now, talk.id("v"));
  EXPECT_EQ(talk.pass(1s), "gone w; dispatch v 1#2");
  EXPECT_EQ(talk.driver.core->job(1)->token.epoch, 2U);
}

TEST_P(Recovery, AFinishedJobIsNotRunAgainAndItsOutcomeIsKnown) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 2);
  talk.finish("w", "1#1");
  crash();
  talk.producer("p");
  EXPECT_EQ(talk.watch("p", {1}), "outcomes p 1=succeeded");
  EXPECT_EQ(talk.counts("mail"), "running=1 succeeded=1");
}

TEST_P(Recovery, ASubmissionRepeatedAfterTheCrashIsNotDoubled) {
  talk.submit("p", "mail", {.count = 2, .sequence = 5});
  crash();
  EXPECT_EQ(talk.producer("p"), "resumed p");
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .sequence = 5}), "accepted p 1..2");
  EXPECT_EQ(talk.counts("mail"), "ready=2");
}

TEST_P(Recovery, AnAdminVerbRepeatedAfterTheCrashIsAnsweredAsTheFirst) {
  const broker::Admin open{
      .session = talk.id("p"), .sequence = 3, .confirmed = 0, .verb = broker::OpenBatch{"night"}};
  talk.driver.apply(open);
  crash();
  talk.producer("p");
  EXPECT_EQ(talk.text(talk.driver.apply(open)), "done p 1");
  EXPECT_EQ(talk.driver.core->batch(1)->name, "night");
  EXPECT_FALSE(talk.driver.core->batch(2));
}

TEST_P(Recovery, ParkedPutsStayParkedAndTimeOut) {
  talk.admin("p", broker::Configure{"small", {.maxsize = 1}});
  talk.submit("p", "small", {.count = 2, .sequence = 5});
  talk.submit("p", "small", {.timeout = 10s, .sequence = 6});
  crash();
  EXPECT_EQ(talk.counts("small"), "parked=2 ready=1");
  talk.producer("p");
  EXPECT_EQ(talk.submit("p", "small", {.sequence = 6}), "");
  EXPECT_EQ(talk.pass(10s), "accepted p queue_full");
  EXPECT_EQ(talk.worker("w", {"small"}, {.capacity = 1}), "welcome w; dispatch w 1#1; accepted p 1..2");
}

TEST_P(Recovery, DelaysAndBackoffsGoOn) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.submit("p", "mail", {.count = 2, .delay_ms = {0, 5000}});
  talk.report("w", "1#1", {});
  talk.pass(500ms);
  crash();
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.pass(499ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#2");
  EXPECT_EQ(talk.driver.core->job(1)->failures, 1U);
  EXPECT_EQ(talk.pass(4s), "dispatch w 2#1");
}

TEST_P(Recovery, AJobThatRipenedBeforeTheCrashIsReadyAfterIt) {
  talk.submit("p", "mail", {.delay_ms = {100}});
  talk.pass(1s);
  EXPECT_EQ(talk.state(1), "ready");
  crash();
  EXPECT_EQ(talk.worker("w", {"mail"}), "welcome w; dispatch w 1#1");
}

TEST_P(Recovery, WallTimesGoOn) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "mail", {.run_at_ms = {now_ms + 2000}});
  talk.submit("p", "mail", {.expires_at_ms = {now_ms + 3000}});
  crash();
  EXPECT_EQ(talk.pass(2s), "");
  EXPECT_EQ(talk.counts("mail"), "ready=2");
  talk.pass(1s);
  EXPECT_EQ(talk.counts("mail"), "ready=1 expired=1");
}

TEST_P(Recovery, DeadLettersKeepTheirFailure) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  talk.report("w", "1#1",
              {.kind = Kind::rejected, .code = Code::unknown_handler, .message = "no such handler"});
  crash();
  EXPECT_EQ(talk.driver.core->job(1)->last_failure->message, "no such handler");
  EXPECT_EQ(talk.counts("mail"), "failed=1");
  talk.producer("p");
  EXPECT_EQ(talk.admin("p", broker::Bulk{broker::BulkVerb::retry, {.queue = "mail"}}), "done p 1");
  EXPECT_EQ(talk.worker("v", {"mail"}), "welcome v; dispatch v 1#2");
}

TEST_P(Recovery, ACancelledRunningJobIsNotRunAgain) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  talk.admin("p", broker::Cancel{{.queue = "mail", .jobs = {}}});
  crash();
  talk.pass(15s);
  EXPECT_EQ(talk.counts("mail"), "cancelled=1");
}

TEST_P(Recovery, WatchesOfSubmissionsGoOn) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.submit("p", "mail", {.count = 2, .watch = true});
  talk.finish("w", "1#1");
  crash();
  talk.producer("p");
  talk.worker("w", {"mail"}, {.held = "2#1"});
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; outcomes p 2=succeeded");
}

TEST_P(Recovery, BatchesQueuesAndKeysAreAsTheyWere) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.admin("p", broker::OpenBatch{"night"});
  talk.submit("p", "mail", {.count = 2, .batch = 1, .unique_key = {"a", "b"}});
  talk.finish("w", "1#1");
  talk.admin("p", broker::Pause{"mail", "ann", "why"});
  crash();
  EXPECT_EQ(describe(talk.driver.core->batch(1)->counts), "running=1 succeeded=1");
  EXPECT_EQ(talk.driver.core->queue("mail")->paused_by, "ann");
  talk.producer("p");
  EXPECT_EQ(talk.submit("p", "mail", {.unique_key = {"b"}}), "accepted p duplicate_job");
  EXPECT_EQ(talk.submit("p", "mail", {.unique_key = {"a"}}), "accepted p 3");
}

TEST_P(Recovery, PlacesAreKept) {
  talk.submit("p", "mail", 2);
  const auto place = talk.driver.core->job(2)->place;
  crash();
  EXPECT_EQ(talk.driver.core->job(2)->place, place);
}

// A checkpoint writes neighbours that are alike as one; here are gaps among them, and some that differ.
TEST_P(Recovery, JobsThatWerePutTogetherAreThereEachWithItsOwn) {
  talk.submit("p", "mail", 3000);
  talk.submit("p", "mail", {.count = 4, .key = {"", "a", "a", ""}});
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.finish("w", "1#1");
  for (const JobId gone : {1024, 1026, 2000}) talk.admin("p", broker::Cancel{{.queue = {}, .jobs = {gone}}});
  const auto seen = [&] {
    std::map<JobId, std::string> jobs;
    for (JobId id = 1; id <= 3004; ++id) {
      const auto job = talk.driver.core->job(id);
      if (job && !job->outcome) jobs[id] = std::to_string(job->place.position) + std::string(job->key);
    }
    return jobs;
  };
  const auto before = seen();
  EXPECT_EQ(before.size(), 3000U);
  crash();
  EXPECT_EQ(seen(), before);
  EXPECT_EQ(talk.counts("mail"), "ready=2999 running=1 succeeded=1 cancelled=3");
  talk.worker("w", {"mail"}, {.capacity = 1, .held = "2#1"});
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1");
}

TEST(Checkpoint, HasOneEntryForManyJobsThatWerePutTogether) {
  const auto size_with = [](std::uint32_t jobs) {
    Conversation talk;
    talk.producer("p");
    talk.submit("p", "mail", {.count = jobs});
    std::size_t size = 0;
    talk.driver.core->save([&](Bytes piece) { size += piece.size(); });
    return size;
  };
  EXPECT_LT(size_with(4096), size_with(1) + 5 * 64);
}

// Forgetting a session is not recorded; this once made a journal unreadable.
TEST_P(Recovery, ASessionThatWasForgottenMayBeginAnew) {
  talk.submit("p", "mail", {.sequence = 5});
  talk.disconnect("p", true);
  talk.producer("p");
  talk.submit("p", "mail", {.sequence = 1});
  crash();
  talk.producer("p");
  EXPECT_EQ(talk.submit("p", "mail", {.sequence = 1}), "accepted p 2");
  EXPECT_EQ(talk.submit("p", "mail", {.sequence = 2}), "accepted p 3");
}

TEST(RecoveryOfDamage, AChangeThatDoesNotFitIsAnError) {
  broker::Core core({});
  const auto replayed = core.replay(broker::change::Admit{5, 1}, 0);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, Code::journal_corrupt);
  EXPECT_FALSE(
      core.replay(broker::change::Put{.first = 1, .count = 1, .queue = 3, .sizes = {}, .due = {}}, 0));
}

TEST(RecoveryOfDamage, ACheckpointThatEndsEarlyOrHasOddBytesIsAnErrorNotACrash) {
  Conversation talk;
  talk.producer("p");
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.submit("p", "mail", {.count = 3, .delay_ms = {0, 0, 1000}, .watch = true});
  talk.report("w", "1#1", {.kind = Kind::rejected});
  std::string saved;
  talk.driver.core->save([&](Bytes piece) { saved += piece; });
  ASSERT_TRUE(broker::Core({}).load(saved));
  for (std::size_t size = 0; size < saved.size(); size += 7) {
    EXPECT_FALSE(broker::Core({.finished_kept = 8}).load(Bytes(saved).substr(0, size))) << size;
  }
  for (std::size_t at = 0; at < saved.size(); ++at) {
    std::string damaged = saved;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    (void)broker::Core({.finished_kept = 8}).load(damaged);
  }
}

}  // namespace
}  // namespace joinery::tests
