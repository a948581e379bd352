#include "worker/supervisor/burst.h"

#include <gtest/gtest.h>

namespace joinery::worker {
namespace {

using namespace std::chrono_literals;
using enum Burst::Next;

TEST(Burst, AsksWhenItIsIdleForAMomentAndIsDoneWhenNothingIsReady) {
  Burst burst;
  EXPECT_EQ(burst.turn(Mono(1s), true), wait);
  EXPECT_EQ(burst.turn(Mono(1s), false), wait);
  EXPECT_EQ(burst.next_deadline(), Mono(1100ms));
  EXPECT_EQ(burst.turn(Mono(1100ms), false), ask);
  EXPECT_EQ(burst.turn(Mono(1101ms), false), wait);
  burst.answered(0);
  EXPECT_EQ(burst.turn(Mono(1102ms), false), done);
}

TEST(Burst, AJobThatComesInBetweenStartsItOver) {
  Burst burst;
  burst.turn(Mono(1s), false);
  EXPECT_EQ(burst.turn(Mono(1100ms), false), ask);
  EXPECT_EQ(burst.turn(Mono(1101ms), true), wait);
  burst.answered(0);  // from before
  EXPECT_EQ(burst.turn(Mono(1102ms), true), wait);
  EXPECT_EQ(burst.turn(Mono(1103ms), false), wait);
}

TEST(Burst, WaitsOnlySoLongForReadyJobsThatDontCome) {
  Burst burst;
  Mono now(1s);
  burst.turn(now, false);
  int questions = 0;
  for (; now < Mono(10s); now += 50ms) {
    const auto next = burst.turn(now, false);
    if (next == done) break;
    if (next != ask) continue;
    ++questions;
    burst.answered(5);
  }
  EXPECT_EQ(now, Mono(4s));
  EXPECT_GT(questions, 5);
}

}  // namespace
}  // namespace joinery::worker
