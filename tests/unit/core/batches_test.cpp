// Batches in each other: how deep, where the flows of handlers belong, and what outer ones count.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

constexpr BatchId deepest = 32;

class NestedBatches : public testing::TestWithParam<bool> {
 protected:
  NestedBatches() { talk.producer("p"); }
  void crash() {
    if (GetParam()) talk.driver.checkpoint();
    talk.crash();
    talk.producer("p");
  }
  // Batches from 1, each in the one before.
  void open(BatchId number) {
    for (BatchId id = 1; id <= number; ++id)
      ASSERT_EQ(talk.admin("p", broker::OpenBatch{"", id - 1}), "done p " + std::to_string(id));
  }
  broker::BatchView view(BatchId id) const { return talk.driver.core->batch(id).value(); }
  std::string counts(BatchId id) const { return describe(view(id).counts); }
  static Spec once() {
    Spec spec = Put::default_spec();
    spec.attempts = 1;
    return spec;
  }
  Conversation talk;
};
INSTANTIATE_TEST_SUITE_P(Core, NestedBatches, testing::Bool(),
                         [](const auto& given) { return given.param ? "FromACheckpoint" : "FromChanges"; });

TEST_P(NestedBatches, AParentThatIsAsDeepAsCanBeIsRefusedByItsField) {
  open(deepest);
  crash();
  const auto effects = talk.driver.apply(broker::Admin{
      .session = talk.id("p"), .sequence = 1000, .confirmed = 0, .verb = broker::OpenBatch{"", deepest}});
  ASSERT_FALSE(effects.empty());
  const auto* refused = std::get_if<broker::effect::Refused>(&effects.front());
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->error.code, Code::invalid_argument);
  EXPECT_EQ(refused->error.field, "parent");
  EXPECT_EQ(refused->error.message,
            "parent is batch 32, which is in 31 others, expected one that is in at most 30");
}

TEST_P(NestedBatches, TheOutermostCountsWhatHappensInTheDeepest) {
  open(deepest);
  talk.submit("p", "mail", {.count = 2, .spec = once(), .batch = deepest});
  talk.worker("w", {"mail"});
  talk.report("w", "1#1", {});
  crash();
  EXPECT_EQ(counts(1), "running=1 failed=1");
  talk.admin("p", broker::Retry{{1}});
  talk.worker("w", {"mail"}, {.held = "2#1"});
  EXPECT_EQ(counts(1), "running=2");
  EXPECT_EQ(counts(deepest), "running=2");
}

TEST_P(NestedBatches, AFlowThatContinuesItselfStaysInTheBatchesAroundItAndGoesNoDeeper) {
  constexpr int rounds = 100;
  talk.worker("w", {"mail"});
  talk.flow("p", "", {{"mail", {.spec = once()}}});
  talk.join("p", {.queue = {}, .batch = 1, .jobs = {}});
  for (int round = 1; round < rounds; ++round) {
    const std::string token = std::to_string(round) + "#1";
    const std::string next = std::to_string(round + 1);
    const std::string flow =
        talk.flow("w", "", {{"mail", {.spec = once(), .under = talk.tokens(token).front()}}});
    ASSERT_THAT(flow, testing::HasSubstr("accepted w " + next + " batch=" + next));
    ASSERT_EQ(talk.finish("w", token), "acked w") << "the first batch is not finished";
    if (round == rounds / 2) {
      crash();
      talk.worker("w", {"mail"}, {.held = next + "#1"});
      talk.join("p", {.queue = {}, .batch = 1, .jobs = {}});
    }
  }
  EXPECT_EQ(view(deepest - 1).parent, deepest - 2);
  EXPECT_EQ(view(deepest).parent, deepest - 1);
  EXPECT_EQ(view(rounds).parent, deepest - 1);
  EXPECT_EQ(counts(1), "running=1 succeeded=99");
  EXPECT_EQ(talk.finish("w", "100#1"), "acked w; joined p succeeded=100");
}

TEST_P(NestedBatches, AFlowOfAHandlerCannotComeAfterTheBatchThatItIsIn) {
  talk.worker("w", {"mail"});
  open(2);
  talk.submit("p", "mail", {.batch = 2});
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  const Token under = talk.tokens("1#1").front();
  for (const BatchId around : {1, 2}) {
    const Put after{.after_batches = {{around}}, .under = under};
    EXPECT_EQ(talk.flow("w", "", {{"mail", after}}), "refused w invalid_argument");
  }
}

// A checkpoint as those were before batches counted what is in them: nothing of it, and no flag for it.
std::string without_inner_counts(std::string saved, std::string_view name) {
  const std::size_t flags = saved.find(name) + name.size() + 8 + 8 + 32 + 8 + 4 + 4 + 8;
  EXPECT_TRUE((saved.at(flags) & 32) != 0);
  saved[flags] = static_cast<char>(saved[flags] & ~32);
  return saved.erase(flags + 1, 32);
}

TEST(OldCheckpoints, WhatBatchesCountOfThoseInThemIsWorkedOutAgain) {
  Conversation talk;
  talk.producer("p");
  talk.worker("w", {"mail"});
  talk.admin("p", broker::OpenBatch{"the outermost"});
  talk.admin("p", broker::OpenBatch{"the middle one", 1});
  talk.admin("p", broker::OpenBatch{"", 2});
  Spec once = Put::default_spec();
  once.attempts = 1;
  for (const BatchId batch : {1, 2, 3}) talk.submit("p", "mail", {.count = 2, .spec = once, .batch = batch});
  talk.finish("w", "1#1 3#1 5#1");
  for (const char* failed : {"4#1", "6#1"}) talk.report("w", failed, {});
  std::string saved;
  talk.driver.core->save([&](Bytes piece) { saved += piece; });
  saved = without_inner_counts(without_inner_counts(std::move(saved), "the outermost"), "the middle one");
  const auto counts = [&](BatchId id) { return describe(talk.driver.core->batch(id).value().counts); };

  talk.driver.core = std::make_unique<broker::Core>(broker::CoreOptions{});
  ASSERT_TRUE(talk.driver.core->load(saved));
  EXPECT_EQ(counts(1), "running=1 succeeded=3 failed=2");
  EXPECT_EQ(counts(2), "succeeded=2 failed=2");
  talk.producer("p");
  EXPECT_EQ(talk.admin("p", broker::Retry{{4, 6}}), "done p 2");
  EXPECT_EQ(counts(1), "ready=2 running=1 succeeded=3");
  EXPECT_EQ(counts(2), "ready=2 succeeded=2");
  EXPECT_EQ(counts(3), "ready=1 succeeded=1");
}

}  // namespace
}  // namespace joinery::tests
