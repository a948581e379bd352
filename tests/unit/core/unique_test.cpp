// Unique keys: within what, until when, and what a second put gets.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;

class UniqueKeys : public testing::Test {
 protected:
  UniqueKeys() { talk.producer("p"); }
  static Put put(Unique unique, BatchId batch = 0) {
    Put out{.batch = batch, .unique_key = {"a"}};
    out.spec.attempts = 1;
    out.spec.unique = unique;
    return out;
  }
  std::string submit(Unique unique, BatchId batch = 0) {
    return talk.submit("p", "mail", put(unique, batch));
  }
  void crash() {
    if (talk.driver.now.mono.time_since_epoch().count() % 2 == 0) talk.driver.checkpoint();
    talk.crash();
    talk.producer("p");
  }
  Conversation talk;
};

TEST_F(UniqueKeys, AClaimUntilStartedIsFreeWhenTheJobRuns) {
  const Unique unique{.until = UniqueUntil::started};
  EXPECT_EQ(submit(unique), "accepted p 1");
  crash();
  EXPECT_EQ(submit(unique), "accepted p duplicate_job");
  talk.worker("w", {"mail"});
  EXPECT_EQ(submit(unique), "accepted p 2; dispatch w 2#1");
}

TEST_F(UniqueKeys, ByDefaultAnyOutcomeFreesIt) {
  talk.worker("w", {"mail"});
  submit({});
  talk.report("w", "1#1", {});
  EXPECT_EQ(talk.state(1), "failed");
  EXPECT_EQ(submit({}), "accepted p 2; dispatch w 2#1");
}

TEST_F(UniqueKeys, UntilSucceededADeadLetterKeepsItsClaim) {
  const Unique unique{.until = UniqueUntil::succeeded};
  talk.worker("w", {"mail"});
  submit(unique);
  talk.report("w", "1#1", {});
  crash();
  EXPECT_EQ(submit(unique), "accepted p duplicate_job");
  EXPECT_EQ(talk.admin("p", broker::Delete{{1}}), "done p 1");
  EXPECT_EQ(submit(unique), "accepted p 2");
}

TEST_F(UniqueKeys, AClaimForATimeLastsItsTimeWhateverBecomesOfTheJob) {
  const Unique unique{.until = UniqueUntil::time, .ttl_ms = 10'000};
  talk.worker("w", {"mail"});
  submit(unique);
  talk.finish("w", "1#1");
  talk.pass(9s);
  crash();
  EXPECT_EQ(submit(unique), "accepted p duplicate_job");
  talk.pass(1s);
  EXPECT_EQ(submit(unique), "accepted p 2");
  EXPECT_EQ(submit(unique), "accepted p duplicate_job");
}

TEST_F(UniqueKeys, InABatchEachBatchHasItsOwn) {
  const Unique unique{.scope = UniqueScope::batch};
  talk.admin("p", broker::OpenBatch{});
  talk.admin("p", broker::OpenBatch{});
  EXPECT_EQ(submit(unique, 1), "accepted p 1");
  EXPECT_EQ(submit(unique, 2), "accepted p 2");
  crash();
  EXPECT_EQ(submit(unique, 2), "accepted p duplicate_job");
  EXPECT_EQ(submit(unique), "accepted p invalid_argument") << "there is no batch to be unique in";
}

TEST_F(UniqueKeys, IgnoreAnswersWithTheJobThatIsThere) {
  const Unique unique{.on_conflict = OnConflict::ignore};
  EXPECT_EQ(submit(unique), "accepted p 1");
  EXPECT_EQ(submit(unique), "accepted p 1");
  EXPECT_EQ(talk.counts("mail"), "ready=1");
  Put watched = put(unique);
  watched.watch = true;
  EXPECT_EQ(talk.submit("p", "mail", watched), "accepted p 1");
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; outcomes p 1=succeeded");
}

TEST_F(UniqueKeys, AnIgnoredPutThatIsRepeatedAfterACrashGetsTheSameId) {
  Put again = put({.on_conflict = OnConflict::ignore});
  talk.submit("p", "mail", again);
  again.sequence = 7;
  EXPECT_EQ(talk.submit("p", "mail", again), "accepted p 1");
  talk.driver.checkpoint();
  crash();
  EXPECT_EQ(talk.submit("p", "mail", again), "accepted p 1");
}

TEST_F(UniqueKeys, ReplaceCancelsTheOneThatWaits) {
  const Unique unique{.on_conflict = OnConflict::replace};
  submit(unique);
  EXPECT_EQ(submit(unique), "accepted p 2");
  EXPECT_EQ(talk.state(1), "cancelled");
  crash();
  EXPECT_EQ(talk.counts("mail"), "ready=1 cancelled=1");
  talk.worker("w", {"mail"});
  EXPECT_EQ(submit(unique), "accepted p duplicate_job") << "it runs";
}

TEST_F(UniqueKeys, ReplacingTakesGroupsOfOne) {
  Put two = put({.on_conflict = OnConflict::replace});
  two.count = 2;
  two.unique_key = {"a", "b"};
  EXPECT_EQ(talk.submit("p", "mail", two), "accepted p invalid_argument");
}

}  // namespace
}  // namespace joinery::tests
