// The decoders that the broker and the supervisor use for every job: the same as decode(), without
// allocation.
#include <gmock/gmock.h>

#include "counted_new.h"
#include "fixtures.h"

namespace joinery::protocol {
namespace {

constexpr std::size_t jobs = 1000;

Group many_jobs() {
  Group group = full_group();
  group.payloads.assign(jobs, "a payload of some bytes");
  group.columns = {};
  group.columns.priority.assign(jobs, -1);
  return group;
}

template <typename Decode>
std::size_t allocations_of(Decode decode_again) {
  const std::size_t before = tests::allocations();
  decode_again();
  return tests::allocations() - before;
}

TEST(HotPath, ARawSubmitIsWhatTheMessageIs) {
  Submit submit{.sequence = 4,
                .confirmed = 3,
                .park = false,
                .timeout_ms = 9,
                .watch = true,
                .under = {1, 2, 3},
                .groups = {full_group(), plain_group()}};
  Buffer frame;
  encode(submit, frame);
  RawSubmit raw;
  ASSERT_TRUE(decode_submit(frame, 100, raw));
  EXPECT_EQ(raw.sequence, 4U);
  EXPECT_EQ(raw.confirmed, 3U);
  EXPECT_FALSE(raw.park);
  EXPECT_EQ(raw.timeout_ms, 9U);
  EXPECT_TRUE(raw.watch);
  EXPECT_EQ(raw.under, (Token{1, 2, 3}));
  ASSERT_EQ(raw.group_count, 2U);
  EXPECT_EQ(raw.groups[0].queue, "mail");
  EXPECT_EQ(decode_spec(raw.groups[0].spec), full_spec());
  EXPECT_EQ(raw.groups[0].columns, full_columns());
  EXPECT_TRUE(raw.groups[0].has_columns);
  EXPECT_THAT(raw.groups[0].sizes, testing::ElementsAre(3, 4));
  EXPECT_FALSE(raw.groups[1].has_columns);
  EXPECT_EQ(raw.groups[1].columns, Columns{});
}

TEST(HotPath, NothingOfTheLastSubmitIsLeftInTheNext) {
  Buffer rich;
  encode(Submit{.sequence = 1,
                .confirmed = 1,
                .park = false,
                .timeout_ms = 1,
                .watch = true,
                .under = {1, 1, 1},
                .groups = {full_group(), full_group()}},
         rich);
  Buffer plain;
  encode(Submit{.sequence = 2,
                .confirmed = 0,
                .park = true,
                .timeout_ms = {},
                .watch = false,
                .under = {},
                .groups = {plain_group()}},
         plain);
  RawSubmit raw;
  ASSERT_TRUE(decode_submit(rich, 100, raw));
  ASSERT_TRUE(decode_submit(plain, 100, raw));
  EXPECT_TRUE(raw.park);
  EXPECT_FALSE(raw.timeout_ms);
  EXPECT_FALSE(raw.watch);
  EXPECT_EQ(raw.under, Token{});
  EXPECT_EQ(raw.group_count, 1U);
  EXPECT_EQ(raw.groups[0].columns, Columns{});
  EXPECT_THAT(raw.groups[0].payloads, testing::ElementsAre(""));
}

TEST(HotPath, APayloadAboveTheLimitIsRefusedWithTheSequenceOfItsFrame) {
  Buffer frame;
  encode(Submit{.sequence = 77,
                .confirmed = 0,
                .park = true,
                .timeout_ms = {},
                .watch = false,
                .under = {},
                .groups = {full_group()}},
         frame);
  RawSubmit raw;
  const auto refused = decode_submit(frame, 3, raw);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::payload_too_large);
  EXPECT_EQ(refused.error().field, "payloads");
  EXPECT_EQ(raw.sequence, 77U);
  EXPECT_EQ(raw.group_count, 0U);
}

TEST(HotPath, ASubmitOfMoreJobsThanAFrameMayHaveIsRefused) {
  Group group = plain_group();
  group.payloads.assign(limits::jobs_per_frame_max / 2 + 1, "");
  Buffer frame;
  encode(Submit{.sequence = 1,
                .confirmed = 0,
                .park = true,
                .timeout_ms = {},
                .watch = false,
                .under = {},
                .groups = {group, group}},
         frame);
  RawSubmit raw;
  const auto refused = decode_submit(frame, 100, raw);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_EQ(refused.error().field, "groups");
}

TEST(HotPath, ASubmitWithoutGroupsIsRefused) {
  Buffer frame;
  encode(Submit{}, frame);
  RawSubmit raw;
  EXPECT_EQ(decode_submit(frame, 100, raw).error().field, "groups");
}

TEST(HotPath, ADispatchWrittenPieceByPieceIsTheMessage) {
  Buffer spec;
  encode_spec(full_spec(), spec);
  const std::string large(300, 'x');
  const Dispatch dispatch{{{"mail", spec, 3, {{1, 2, 3, 4, "one"}, {1'000'000, 1, 0, 70'000, large}}}}};
  Buffer expected;
  encode(dispatch, expected);
  Buffer frame;
  DispatchWriter writer;
  writer.begin(frame, 1);
  writer.begin_group("mail", spec, 3, 2);
  for (const DispatchedJob& job : dispatch.groups[0].jobs) {
    writer.begin_job(job.job, job.attempt, job.batch, job.parent,
                     static_cast<std::uint32_t>(job.payload.size()));
    writer.frame().append(job.payload);
  }
  EXPECT_EQ(frame, expected);
}

TEST(HotPath, DecodingAgainAllocatesNothing) {
  Buffer submit;
  encode(Submit{.sequence = 1,
                .confirmed = 0,
                .park = true,
                .timeout_ms = {},
                .watch = false,
                .under = {},
                .groups = {many_jobs()}},
         submit);
  Dispatch jobs_out{{{"default", "\x80", 1, {}}}};
  jobs_out.groups[0].jobs.assign(jobs, {1'000'000, 1, 0, 0, "payload"});
  Buffer dispatch;
  encode(jobs_out, dispatch);
  Finish runs{.sequence = 1, .succeeded = std::vector<RunOf>(jobs, {1'000'000, 5, 1, 1}), .reports = {}};
  Buffer finish;
  encode(runs, finish);

  RawSubmit raw;
  Dispatch got;
  Finish done;
  ASSERT_TRUE(decode_submit(submit, 100, raw));
  ASSERT_TRUE(decode_dispatch(dispatch, got));
  ASSERT_TRUE(decode_finish(finish, done));
  EXPECT_EQ(allocations_of([&] { (void)decode_submit(submit, 100, raw); }), 0U);
  EXPECT_EQ(allocations_of([&] { (void)decode_dispatch(dispatch, got); }), 0U);
  EXPECT_EQ(allocations_of([&] { (void)decode_finish(finish, done); }), 0U);
  EXPECT_EQ(got.groups[0].jobs.size(), jobs);
  EXPECT_EQ(done.succeeded, runs.succeeded);
}

TEST(HotPath, AFinishKeepsReportsAndChildren) {
  Finish finish{.sequence = 9, .succeeded = {}, .reports = {}};
  finish.reports.push_back({Report::Kind::failed, {1, 2, 3}, {Code::handler_error, "E", "m", "w", ""}, {}});
  finish.reports.push_back({Report::Kind::succeeded, {4, 5, 6}, {}, {full_group()}});
  Buffer frame;
  encode(finish, frame);
  Finish got;
  ASSERT_TRUE(decode_finish(frame, got));
  ASSERT_EQ(got.reports.size(), 2U);
  EXPECT_EQ(got.reports[0].failure, finish.reports[0].failure);
  EXPECT_EQ(got.reports[1].token, (Token{4, 5, 6}));
  ASSERT_EQ(got.reports[1].children.size(), 1U);
  EXPECT_EQ(got.reports[1].children[0].spec, full_spec());
}

}  // namespace
}  // namespace joinery::protocol
