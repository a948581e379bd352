// What is remembered of jobs that have ended, and when it is forgotten.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using broker::Configure;
using broker::FinishedFilter;

constexpr std::uint64_t run_bytes = 64;

class HistoryOfJobs : public testing::Test {
 protected:
  HistoryOfJobs() {
    talk.producer("p");
    talk.worker("w", {"mail"});
  }
  void bound(std::uint64_t bytes, Duration age = 24h) {
    talk.admin(
        "p",
        Configure{"mail", {.history_bytes = bytes, .history_age_ms = static_cast<std::uint64_t>(age / 1ms)}});
  }
  // One job, from put to success.
  JobId run(Put put = {}) {
    talk.submit("p", "mail", std::move(put));
    const JobId job = talk.driver.core->next_job() - 1;
    talk.finish("w", fmt::format("{}#1", job));
    talk.pass(1s);
    return job;
  }
  // "5 4 3"
  std::string list(const FinishedFilter& filter = {}, JobId before = 0, std::size_t most = 100) const {
    std::string out;
    for (const auto& job : talk.driver.core->finished(filter, before, most).jobs)
      out += fmt::format("{}{}", out.empty() ? "" : " ", job.id);
    return out;
  }
  broker::QueueView queue() const { return *talk.driver.core->queue("mail"); }
  Conversation talk;
};

TEST_F(HistoryOfJobs, AJobThatSucceededIsShownWithAllThatWasKnownOfIt) {
  talk.admin("p", broker::OpenBatch{});
  const Wall put_at = talk.driver.now.wall;
  talk.submit("p", "mail", {.batch = 1, .parent = 7, .key = {"host:x"}});
  talk.report("w", "1#1", {.message = "no route"});
  talk.pass(2s);
  talk.finish("w", "1#2");
  const auto job = talk.driver.core->finished(1);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->outcome, Outcome::succeeded);
  EXPECT_EQ(job->queue_name, "mail");
  EXPECT_EQ(job->handler, "h");
  EXPECT_EQ(job->key, "host:x");
  EXPECT_EQ(job->batch, 1U);
  EXPECT_EQ(job->parent, 7U);
  EXPECT_EQ(job->attempt, 2U);
  EXPECT_EQ(job->failures, 1U);
  ASSERT_NE(job->last_failure, nullptr);
  EXPECT_EQ(job->last_failure->message, "no route");
  EXPECT_EQ(job->accepted_at, std::chrono::floor<std::chrono::milliseconds>(put_at));
  EXPECT_GE(job->ended_at, put_at + 2s);
  EXPECT_FALSE(talk.driver.core->finished(2));
}

TEST_F(HistoryOfJobs, CancelledExpiredAndDeletedOnesSayWhy) {
  Spec once = Put::default_spec();
  once.attempts = 1;
  talk.submit("p", "mail", {.spec = once});
  talk.report("w", "1#1", {.message = "disk full"});
  EXPECT_EQ(list({.outcome = Outcome::failed}), "1") << "a dead letter";
  talk.submit("p", "mail", {.after = {{1}}});
  talk.submit("p", "late", {.expires_at_ms = {talk.driver.now.wall.time_since_epoch() / 1ms + 1000}});
  talk.pass(2s);
  talk.admin("p", broker::Delete{{1}});
  EXPECT_EQ(list({.outcome = Outcome::failed}), "1");
  EXPECT_EQ(list({.outcome = Outcome::cancelled}), "2");
  EXPECT_EQ(list({.outcome = Outcome::expired}), "3");
  EXPECT_EQ(list({.error = "disk"}), "1");
  EXPECT_THAT(talk.driver.core->finished(2)->last_failure->message, testing::HasSubstr("1"));
}

TEST_F(HistoryOfJobs, JobsThatCameAndEndedTogetherShareAnEntry) {
  talk.submit("p", "mail", 50);
  std::string all;
  for (int i = 1; i <= 50; ++i) all += fmt::format("{}{}#1", i == 1 ? "" : " ", i);
  talk.finish("w", all);
  EXPECT_EQ(queue().history_jobs, 50U);
  EXPECT_EQ(queue().history_bytes, run_bytes);
  EXPECT_EQ(list({}, 0, 3), "50 49 48");
  EXPECT_EQ(list({}, 48, 3), "47 46 45");
  EXPECT_EQ(list({}, 3), "2 1");
  EXPECT_EQ(talk.driver.core->finished(17)->attempt, 1U);
}

TEST_F(HistoryOfJobs, JobsThatEndedTogetherShareAnEntryAlsoIfEachHasAKeyOfItsOwn) {
  bound(1'000'000);
  const auto put_and_finish = [&](std::vector<std::string> keys) {
    const JobId first = talk.driver.core->next_job();
    const auto number = static_cast<std::uint32_t>(keys.size());
    talk.submit("p", "mail", {.count = number, .key = std::move(keys)});
    std::string all;
    for (JobId job = first; job < first + number; ++job)
      all += fmt::format("{}{}#1", job == first ? "" : " ", job);
    talk.finish("w", all);
  };
  std::vector<std::string> keys;
  for (int i = 1; i <= 50; ++i) keys.push_back(fmt::format("host:{}", i));
  put_and_finish(keys);
  std::size_t bytes = run_bytes;
  for (const std::string& key : keys) bytes += 1 + key.size();
  EXPECT_EQ(queue().history_bytes, bytes);
  talk.pass(1s);
  put_and_finish({"a", "a", "a", "b", "c", "", "", "c", "c", "a"});
  const std::uint64_t both = queue().history_bytes;
  for (const int round : {0, 1, 2}) {
    EXPECT_EQ(list({.key = "host:7"}), "7");
    EXPECT_EQ(list({.key = "a"}), "60 53 52 51");
    EXPECT_EQ(list({.key = "c"}), "59 58 55");
    EXPECT_EQ(list({}, 58, 5), "57 56 55 54 53");
    EXPECT_EQ(talk.driver.core->finished(50)->key, "host:50");
    EXPECT_EQ(talk.driver.core->finished(57)->key, "");
    EXPECT_EQ(queue().history_jobs, 60U);
    EXPECT_EQ(queue().history_bytes, both);
    if (round == 1) talk.driver.checkpoint();
    talk.crash();
  }
  bound(both - 1);
  EXPECT_EQ(list({}, 52), "51");
}

TEST_F(HistoryOfJobs, ManyWithKeysOfTheirOwnAreForgottenSomeAtATime) {
  bound(64'000);
  talk.disconnect("w", true);
  talk.worker("many", {"mail"}, {.capacity = 10'000});
  std::vector<std::string> keys;
  for (int i = 1; i <= 10'000; ++i) keys.push_back(fmt::format("host:{}", i));
  talk.submit("p", "mail", {.count = 10'000, .key = std::move(keys)});
  while (talk.driver.core->queue("mail")->counts.ready != 0) talk.pass(0s);
  std::string all;
  for (int i = 1; i <= 10'000; ++i) all += fmt::format("{}{}#1", i == 1 ? "" : " ", i);
  talk.finish("many", all);
  EXPECT_LE(queue().history_bytes, 64'000U);
  EXPECT_GT(queue().history_jobs, 5'000U) << "an entry each would be 850";
  const JobId oldest = 10'001 - queue().history_jobs;
  for (const JobId job : {oldest, (oldest + 10'000) / 2, JobId{10'000}})
    EXPECT_EQ(talk.driver.core->finished(job)->key, fmt::format("host:{}", job));
  EXPECT_FALSE(talk.driver.core->finished(oldest - 1));
  EXPECT_EQ(list({}, oldest + 2), fmt::format("{} {}", oldest + 1, oldest));
}

TEST_F(HistoryOfJobs, BeyondItsBytesTheOldestAreForgotten) {
  bound(3 * run_bytes);
  for (int i = 0; i < 5; ++i) run();
  EXPECT_EQ(list(), "5 4 3");
  EXPECT_FALSE(talk.driver.core->finished(2));
  bound(run_bytes);
  EXPECT_EQ(list(), "5");
  bound(0);
  EXPECT_EQ(list(), "");
  run();
  EXPECT_EQ(queue().history_jobs, 0U);
}

TEST_F(HistoryOfJobs, BeyondItsAgeItIsForgottenWithoutAnybodyAsking) {
  bound(1'000'000, 6s);
  run();
  talk.pass(3s);
  run();
  EXPECT_EQ(list(), "2 1");
  talk.pass(4s);
  EXPECT_EQ(list(), "2");
  talk.pass(4s);
  EXPECT_EQ(queue().history_bytes, 0U);
  EXPECT_EQ(talk.driver.core->next_deadline().wall, never_wall) << "nothing is left to wake up for";
}

TEST_F(HistoryOfJobs, ADifferentAgeHoldsForWhatIsRemembered) {
  bound(1'000'000, 24h);
  run();
  run();
  bound(1'000'000, 1500ms);
  talk.pass(0s);
  EXPECT_EQ(list(), "2");
  talk.pass(10s);
  EXPECT_EQ(list(), "");
}

TEST_F(HistoryOfJobs, SurvivesACrashAndACheckpoint) {
  bound(1'000'000, 60s);
  run({.key = {"host:x"}});
  run();
  talk.driver.checkpoint();
  run({.priority = {3}});
  talk.crash();
  EXPECT_EQ(list(), "3 2 1");
  EXPECT_EQ(list({.key = "host:x"}), "1");
  const std::uint64_t bytes = queue().history_bytes;
  talk.driver.checkpoint();
  talk.crash();
  EXPECT_EQ(list(), "3 2 1");
  EXPECT_EQ(queue().history_bytes, bytes);
  EXPECT_EQ(talk.driver.core->finished(1)->handler, "h");
  talk.pass(120s);
  EXPECT_EQ(list(), "");
}

TEST_F(HistoryOfJobs, IsChosenByHandlerBatchQueueAndAge) {
  Spec other = Put::default_spec();
  other.handler = "other";
  talk.admin("p", broker::OpenBatch{});
  run();
  run({.spec = other});
  run({.batch = 1});
  const Wall then = talk.driver.now.wall;
  run();
  EXPECT_EQ(list({.handler = "other"}), "2");
  EXPECT_EQ(list({.batch = 1}), "3");
  EXPECT_EQ(list({.queue = "none"}), "");
  EXPECT_EQ(list({.queue = "mail", .ended_before = then}), "3 2 1");
  EXPECT_EQ(list({.ended_after = then}), "4");
}

TEST_F(HistoryOfJobs, DeadLettersAreListedWithTheOthersAndWhenTheyFailed) {
  Spec once = Put::default_spec();
  once.attempts = 1;
  run();
  talk.submit("p", "mail", {.spec = once});
  talk.pass(5s);
  const Wall then = talk.driver.now.wall;
  talk.report("w", "2#1", {.message = "disk full"});
  run();
  for (const bool checkpoint : {false, true}) {
    EXPECT_EQ(list(), "3 2 1");
    EXPECT_EQ(list({.outcome = Outcome::failed}), "2");
    EXPECT_EQ(list({.error = "disk", .ended_before = then + 1s, .ended_after = then}), "2");
    EXPECT_EQ(list({.outcome = Outcome::failed, .ended_before = then}), "");
    EXPECT_EQ(list({}, 3, 1), "2");
    EXPECT_EQ(talk.driver.core->finished(2)->ended_at, then);
    if (checkpoint) talk.driver.checkpoint();
    talk.crash();
  }
  talk.producer("p");
  EXPECT_EQ(talk.admin("p", broker::Retry{{2}}), "done p 1");
  EXPECT_EQ(list(), "3 1");
}

TEST_F(HistoryOfJobs, OneQuestionLooksAtABoundedPartAndTheNextGoesOn) {
  Conversation some({.history_looked_at = 512});
  some.producer("p");
  some.worker("w", {"mail", "web"});
  for (JobId job = 1; job <= 3000; ++job) {
    some.submit("p", job % 3 == 0 ? "web" : "mail", {.key = {job % 1000 == 0 ? "rare" : "common"}});
    some.finish("w", fmt::format("{}#1", job));
    some.pass(1ms);
  }
  std::string found;
  std::size_t questions = 0;
  for (JobId before = 0;; ++questions) {
    const auto page = some.driver.core->finished({.key = "rare"}, before, 100);
    for (const auto& job : page.jobs) found += fmt::format("{} ", job.id);
    if ((before = page.next) == 0) break;
  }
  EXPECT_EQ(found, "3000 2000 1000 ");
  EXPECT_GE(questions, 3U);
  EXPECT_LE(questions, 12U);
  const auto page = some.driver.core->finished({}, 0, 2);
  EXPECT_EQ(page.next, 2999U) << "as many as were wanted; there may be more";
}

TEST_F(HistoryOfJobs, IsForgottenOnDemandAlsoOverARestart) {
  run();
  run();
  const Wall then = talk.driver.now.wall;
  run();
  EXPECT_EQ(talk.admin("p", broker::PurgeHistory{"mail", then}), "done p 2");
  EXPECT_EQ(list(), "3");
  EXPECT_EQ(talk.admin("p", broker::PurgeHistory{"mail", then}), "done p 0");
  talk.crash();
  EXPECT_EQ(list(), "3");
  EXPECT_EQ(talk.admin("p", broker::PurgeHistory{"none"}), "refused p unknown_queue");
}

TEST_F(HistoryOfJobs, AllQueuesTogetherStayBelowTheirBound) {
  Conversation small({.history_bytes = 40 * run_bytes});
  small.producer("p");
  small.worker("w", {"a", "b", "c"});
  for (int i = 1; i <= 300; ++i) {
    small.submit("p", i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c");
    small.finish("w", fmt::format("{}#1", i));
    small.pass(1s);
    std::size_t sum = 0;
    for (const auto& one : small.driver.core->queues()) sum += one.history_bytes;
    ASSERT_LE(sum, 40 * run_bytes);
  }
  EXPECT_TRUE(small.driver.core->finished(300));
}

TEST_F(HistoryOfJobs, AJobThatRunsAgainIsNotInIt) {
  Spec once = Put::default_spec();
  once.attempts = 1;
  talk.submit("p", "mail", {.spec = once});
  talk.report("w", "1#1", {});
  talk.admin("p", broker::Retry{{1}});
  EXPECT_EQ(list(), "");
  talk.finish("w", "1#2");
  EXPECT_EQ(list(), "1");
  EXPECT_EQ(talk.driver.core->finished(1)->outcome, Outcome::succeeded);
}

}  // namespace
}  // namespace joinery::tests
