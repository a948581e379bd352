// A real pool process, talked to as its supervisor does.
#include <gmock/gmock.h>

#include <random>

#include "pool.h"
#include "shared/protocol/pack.h"

namespace joinery::pool_process {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PoolProcess, says_ready_with_its_handlers_and_that_it_writes_the_board) {
  Pool pool(3);
  EXPECT_EQ(pool.ready.version, pool::version);
  EXPECT_TRUE(pool.ready.board);
  EXPECT_THAT(pool.ready.handlers, Contains("add"));
  EXPECT_EQ(pool.board().slots, 3U);
}

TEST(PoolProcess, runs_jobs_in_order_and_reports_each_once) {
  Pool pool;
  pool.run("noop", 1, std::vector<Bytes>(1000, "x"));
  pool.run("noop", 1001, std::vector<Bytes>(1000, "x"));
  JobId expected = 1;
  for (const auto& outcome : pool.outcomes(2000)) {
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.job, expected++);
  }
  EXPECT_EQ(pool.board().threads[0].running().first, 0U);
}

TEST(PoolProcess, a_result_is_sent_only_if_it_is_to_be_kept) {
  Pool pool;
  pool.run("add", 1, {pack(2, 3)});
  EXPECT_EQ(unpack<int>(pool.outcomes(1)[0].result), 5);
  pool.run("add", 2, {pack(2, 3)}, {});
  EXPECT_EQ(pool.outcomes(1)[0].result, "");
}

TEST(PoolProcess, takes_messages_however_the_stream_is_cut) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Pool pool;
  Buffer stream;
  std::vector<Buffer> payloads;
  for (JobId id = 1; id <= 200; ++id) payloads.emplace_back(random() % (id % 50 == 0 ? 400'000 : 300), 'p');
  for (JobId id = 1; id <= 200; ++id) {
    pool::encode(
        pool::Run{"echo",
                  {.queue = "q", .content_type = {}, .soft_timeout_ms = 0, .trace = {}, .keep_result = true},
                  {{{id, 1, 1}, 0, payloads[id - 1]}}},
        stream);
  }
  for (Bytes rest = stream; !rest.empty();) {
    const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 5000);
    pool.send_bytes(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  const auto outcomes = pool.outcomes(200);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(outcomes[i].result, payloads[i]) << i;
}

TEST(PoolProcess, a_payload_and_a_result_may_be_as_large_as_the_limit) {
  Pool pool;
  const Buffer payload(limits::payload_max_default, 'p');
  pool.run("echo", 1, {payload});
  EXPECT_EQ(pool.outcomes(1)[0].result, payload);
}

TEST(PoolProcess, a_result_over_the_limit_fails_that_job_alone_and_for_good) {
  Pool pool;
  const Buffer payload = pack(limits::payload_max_default + 1);
  pool.run("large", 1, {payload, pack(1)});
  const auto outcomes = pool.outcomes(2);
  EXPECT_EQ(outcomes[0].failure.code, Code::unencodable_result);
  EXPECT_FALSE(outcomes[0].retry);
  EXPECT_TRUE(outcomes[1].ok);
}

TEST(PoolProcess, an_exception_is_told_with_type_and_message) {
  Pool pool;
  pool.run("throw", 1, {pack("no such host")});
  const auto outcome = pool.outcomes(1)[0];
  EXPECT_FALSE(outcome.ok);
  EXPECT_TRUE(outcome.retry);
  EXPECT_EQ(outcome.failure.code, Code::handler_error);
  EXPECT_EQ(outcome.failure.type, "std::runtime_error");
  EXPECT_EQ(outcome.failure.message, "no such host");
}

TEST(PoolProcess, what_cannot_get_better_is_not_retried) {
  Pool pool;
  pool.run("reject", 1, {""});
  pool.run("add", 2, {pack(1)});
  pool.run("nobody", 3, {""});
  const auto outcomes = pool.outcomes(3);
  const Code codes[] = {Code::handler_error, Code::malformed_payload, Code::unknown_handler};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(outcomes[i].ok);
    EXPECT_FALSE(outcomes[i].retry);
    EXPECT_EQ(outcomes[i].failure.code, codes[i]);
  }
  EXPECT_THAT(outcomes[2].failure.message, HasSubstr("no handler \"nobody\""));
}

TEST(PoolProcess, an_outcome_does_not_wait_for_a_long_job_behind_it) {
  Pool pool;
  pool.run("noop", 1, {"", "", ""});
  pool.run("wait", 4, {""});
  EXPECT_EQ(pool.outcomes(3)[2].job, 3U);
  EXPECT_EQ(pool.board().threads[0].finished, 3U);
  pool.send(pool::Cancel{4, Code::cancelled});
  EXPECT_EQ(pool.outcomes(1)[0].job, 4U);
}

TEST(PoolProcess, progress_and_log_are_seen_while_the_handler_runs) {
  Pool pool;
  pool.run("progress", 1, {""});
  const auto progress = pool.receive_a<pool::Progress>();
  EXPECT_EQ(progress.job, 1U);
  EXPECT_EQ(progress.fraction, 0.5);
  EXPECT_EQ(progress.text, "half");
  EXPECT_EQ(pool.receive_a<pool::Log>().text, "on my way");
  EXPECT_EQ(pool.board().threads[0].running().first, 1U);
}

TEST(PoolProcess, of_progress_told_in_a_tight_loop_the_newest_is_sent) {
  Pool pool;
  pool.run("busy_progress", 1, {""});
  std::size_t messages = 0;
  double last = 0;
  for (pool::Message message = pool.receive(); !std::holds_alternative<pool::Done>(message);
       message = pool.receive()) {
    last = std::get<pool::Progress>(message).fraction;
    ++messages;
  }
  EXPECT_EQ(last, 1.0);
  EXPECT_LT(messages, 10'000U);
}

TEST(PoolProcess, children_come_with_the_outcome_grouped_and_in_the_queue_and_batch_of_their_parent) {
  Pool pool;
  pool.run("children", 1, {pack(3)});
  const auto done = pool.receive_a<pool::Done>();
  const auto& groups = done.outcomes.at(0).children;
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].queue, "mail");
  EXPECT_EQ(groups[0].spec.handler, "child");
  EXPECT_EQ(groups[0].batch, 9U);
  EXPECT_EQ(groups[0].parent, 1U);
  EXPECT_THAT(groups[0].payloads, ElementsAre(pack(0), pack(1), pack(2)));
  EXPECT_EQ(groups[1].queue, "elsewhere");
}

TEST(PoolProcess, a_failed_job_and_the_job_after_it_have_no_children) {
  Pool pool;
  pool.run("children_then_throw", 1, {""});
  pool.run("noop", 2, {""});
  for (const auto& outcome : pool.outcomes(2)) EXPECT_TRUE(outcome.children.empty());
}

TEST(PoolProcess, a_child_that_is_not_valid_fails_its_parent_with_the_field) {
  Pool pool;
  pool.run("bad_child", 1, {""});
  EXPECT_THAT(pool.outcomes(1)[0].failure.message, HasSubstr("spec.handler"));
}

TEST(PoolProcess, a_cancelled_job_that_throws_failed_because_it_was_cancelled) {
  Pool pool;
  pool.run("throw_when_cancelled", 1, {""});
  pool.receive_a<pool::Log>();
  pool.send(pool::Cancel{1, Code::cancelled});
  const auto outcome = pool.outcomes(1)[0];
  EXPECT_EQ(outcome.failure.code, Code::cancelled);
  EXPECT_FALSE(outcome.retry);
}

TEST(PoolProcess, a_job_cancelled_before_it_began_is_answered_at_once_and_may_be_delivered_again) {
  Pool pool;
  pool.run("progress", 1, {""});
  pool.receive_a<pool::Progress>();
  pool.receive_a<pool::Log>();
  pool.run("noop", 2, {"", "", ""});
  Buffer both;
  pool::encode(pool::Cancel{3, Code::cancelled}, both);
  pool::encode(pool::Run{"noop", {}, {{{3, 2, 1}, 9, ""}}}, both);
  pool.send_bytes(both);
  const auto cancelled = pool.outcomes(1)[0];
  EXPECT_EQ(cancelled.job, 3U);
  EXPECT_EQ(cancelled.failure.code, Code::cancelled);
  EXPECT_EQ(pool.board().threads[0].running().first, 1U);

  pool.send(pool::Cancel{1, Code::cancelled});
  std::vector<JobId> ended;
  for (const auto& outcome : pool.outcomes(4)) {
    EXPECT_TRUE(outcome.ok);
    ended.push_back(outcome.job);
  }
  EXPECT_THAT(ended, ElementsAre(1, 2, 4, 3));
}

TEST(PoolProcess, a_job_that_is_called_back_when_it_has_begun_goes_on) {
  Pool pool;
  pool.run("throw_when_cancelled", 1, {""});
  pool.receive_a<pool::Log>();
  pool.run("noop", 2, {""});
  pool.send(pool::Cancel{1, Code::shutting_down});
  pool.send(pool::Cancel{2, Code::shutting_down});
  const auto called_back = pool.outcomes(1)[0];
  EXPECT_EQ(called_back.job, 2U);
  EXPECT_EQ(called_back.failure.code, Code::shutting_down);
  pool.send(pool::Cancel{1, Code::cancelled});
  EXPECT_EQ(pool.outcomes(1)[0].failure.code, Code::cancelled);
}

TEST(PoolProcess, a_handler_can_ask_to_be_told_of_its_cancellation) {
  Pool pool;
  pool.run("told", 1, {""});
  pool.receive_a<pool::Log>();
  pool.send(pool::Cancel{1, Code::cancelled});
  EXPECT_TRUE(pool.outcomes(1)[0].ok);
}

TEST(PoolProcess, the_soft_time_limit_cancels_and_is_retried) {
  Pool pool;
  pool.run("throw_when_cancelled", 1, {""},
           {.queue = "q", .content_type = {}, .soft_timeout_ms = 20, .trace = {}, .keep_result = false});
  pool.receive_a<pool::Log>();
  const auto outcome = pool.outcomes(1)[0];
  EXPECT_EQ(outcome.failure.code, Code::soft_time_limit);
  EXPECT_TRUE(outcome.retry);
}

TEST(PoolProcess, threads_run_jobs_of_one_message_at_once) {
  Pool pool(2);
  pool.run("meet", 1, {"", ""});
  EXPECT_EQ(pool.outcomes(2).size(), 2U);
  pool.run("initialized", 3, {""});
  EXPECT_EQ(unpack<int>(pool.outcomes(1)[0].result), 2);
}

TEST(PoolProcess, many_threads_report_each_of_many_jobs_once) {
  Pool pool(4);
  constexpr std::size_t count = 20'000;
  for (JobId first = 1; first < count; first += 100) pool.run("noop", first, std::vector<Bytes>(100, "x"));
  std::vector<int> seen(count + 1);
  for (const auto& outcome : pool.outcomes(count)) ++seen[outcome.job];
  EXPECT_EQ(std::count(seen.begin() + 1, seen.end(), 1), count);
}

}  // namespace
}  // namespace joinery::pool_process
