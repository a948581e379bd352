// The checker of the chaos runs: what it must see.
#include "tests/chaos/ledger.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace joinery::chaos {
namespace {

Ledger::Account account_of(const std::string& runs) {
  const testing::TempDir dir;
  Ledger ledger;
  for (const std::uint64_t value : {1, 2, 3}) ledger.attempted(value);
  ledger.accepted(1, 10);
  ledger.accepted(2, 20);
  std::ofstream(dir / "runs") << runs;
  ledger.read_runs(dir / "runs");
  return ledger.account();
}

TEST(ChaosLedger, takes_one_run_of_each_accepted_job_as_good) {
  const Ledger::Account sum = account_of("1 10 1\n2 20 1\n");
  EXPECT_EQ(sum.accepted, 2U);
  EXPECT_EQ(sum.runs, 2U);
  EXPECT_EQ(sum.lost + sum.unexpected + sum.doubled + sum.repeated + sum.recovered, 0U);
}
TEST(ChaosLedger, sees_an_accepted_job_that_never_ran) { EXPECT_EQ(account_of("1 10 1\n").lost, 1U); }
TEST(ChaosLedger, sees_a_job_that_ran_under_another_number_than_was_answered) {
  EXPECT_EQ(account_of("1 11 1\n2 20 1\n").lost, 1U);
}
TEST(ChaosLedger, sees_what_nobody_submitted) {
  EXPECT_EQ(account_of("1 10 1\n2 20 1\n9 30 1\n").unexpected, 1U);
}
TEST(ChaosLedger, sees_a_submission_that_became_two_jobs) {
  EXPECT_EQ(account_of("1 10 1\n1 11 1\n2 20 1\n").doubled, 1U);
}
TEST(ChaosLedger, counts_the_repetitions_of_a_job) {
  EXPECT_EQ(account_of("1 10 1\n1 10 2\n2 20 1\n2 20 1\n").repeated, 2U);
}
TEST(ChaosLedger, counts_what_ran_though_its_producer_never_learned_of_it) {
  EXPECT_EQ(account_of("1 10 1\n2 20 1\n3 30 1\n").recovered, 1U);
}

}  // namespace
}  // namespace joinery::chaos
