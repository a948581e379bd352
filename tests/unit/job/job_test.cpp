#include "shared/job/job.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

namespace joinery {
namespace {

constexpr std::size_t payload_max = 10;

Group good() {
  Group group;
  group.spec.handler = "resize";
  group.payloads = {"one", "two"};
  return group;
}

struct Bad {
  const char* field;
  std::function<void(Group&)> spoil;
  Code code = Code::invalid_argument;
};

TEST(Validate, TakesAGoodGroupAtTheEdgesOfWhatIsAllowed) {
  EXPECT_TRUE(validate(good(), payload_max));
  Group group = good();
  group.queue = std::string(255, 'q');
  group.spec.attempts = 1;
  group.spec.backoff = {.initial_ms = 0, .max_ms = 0, .factor = 1, .jitter = 1, .list_ms = {}};
  group.spec.trace = std::string(255, 't');
  group.payloads = {std::string_view("0123456789")};
  group.columns.priority = {INT64_MIN};
  group.columns.run_at_ms = {0};
  group.columns.key = {""};
  EXPECT_TRUE(validate(group, payload_max));
}

TEST(Validate, NamesTheFieldThatIsWrong) {
  const Bad table[] = {
      {"queue", [](Group& group) { group.queue = ""; }},
      {"queue", [](Group& group) { group.queue = std::string(256, 'q'); }},
      {"queue", [](Group& group) { group.queue = "a\tb"; }},
      {"queue", [](Group& group) { group.queue = "\xff"; }},
      {"spec.handler", [](Group& group) { group.spec.handler = ""; }},
      {"spec.content_type", [](Group& group) { group.spec.content_type = "\x7f"; }},
      {"spec.attempts", [](Group& group) { group.spec.attempts = 0; }},
      {"spec.crash_attempts", [](Group& group) { group.spec.crash_attempts = 0; }},
      {"spec.result_ttl_s", [](Group& group) { group.spec.result_ttl_s = 36'501U * 86'400; }},
      {"spec.result_inline_max", [](Group& group) { group.spec.result_inline_max = 65'537; }},
      {"spec.trace", [](Group& group) { group.spec.trace = std::string(256, 't'); }},
      {"spec.backoff.factor", [](Group& group) { group.spec.backoff.factor = 0.5F; }},
      {"spec.backoff.factor", [](Group& group) { group.spec.backoff.factor = std::nanf(""); }},
      {"spec.backoff.jitter", [](Group& group) { group.spec.backoff.jitter = -0.1F; }},
      {"spec.backoff.max_ms",
       [](Group& group) { group.spec.backoff = {.initial_ms = 2, .max_ms = 1, .list_ms = {}}; }},
      {"spec.soft_timeout_ms",
       [](Group& group) {
         group.spec.soft_timeout_ms = 2;
         group.spec.hard_timeout_ms = 1;
       }},
      {"spec.unique", [](Group& group) { group.spec.unique.on_conflict = OnConflict::ignore; }},
      {"spec.after", [](Group& group) { group.spec.after = After::finished; }},
      {"spec.inputs", [](Group& group) { group.spec.inputs = true; }},
      {"spec.ordered", [](Group& group) { group.spec.ordered = true; }},
      {"payloads", [](Group& group) { group.payloads.clear(); }},
      {"payloads", [](Group& group) { group.payloads.assign(limits::jobs_per_frame_max + 1, ""); }},
      {"payloads", [](Group& group) { group.payloads[1] = "0123456789+"; }, Code::payload_too_large},
      {"columns.priority", [](Group& group) { group.columns.priority = {1}; }},
      {"columns.delay_ms",
       [](Group& group) {
         group.columns.delay_ms = {0, ~0ULL};
       }},
      {"columns.run_at_ms",
       [](Group& group) {
         group.columns.run_at_ms = {0, -1};
       }},
      {"columns.expires_at_ms",
       [](Group& group) {
         group.columns.expires_at_ms = {INT64_MAX, 0};
       }},
      {"columns.key",
       [](Group& group) {
         group.columns.key = {"", std::string(256, 'k')};
       }},
      {"columns.unique_key",
       [](Group& group) {
         group.columns.unique_key = {"a", "b", "c"};
       }},
  };
  for (const Bad& bad : table) {
    Group group = good();
    bad.spoil(group);
    const auto checked = validate(group, payload_max);
    ASSERT_FALSE(checked) << bad.field;
    EXPECT_EQ(checked.error().field, bad.field) << checked.error().message;
    EXPECT_EQ(checked.error().code, bad.code) << checked.error().message;
    EXPECT_THAT(checked.error().message, testing::HasSubstr("expected"));
  }
}

template <typename E, typename FromWord>
void words_come_back(std::initializer_list<E> values, FromWord from_word) {
  for (E value : values) EXPECT_EQ(from_word(word(value)), value);
  EXPECT_FALSE(from_word("nonsense"));
}

TEST(Words, OfModesDurabilitiesAndStatesComeBack) {
  words_come_back({Mode::fifo, Mode::lifo, Mode::priority}, mode_from_word);
  words_come_back({Durability::sync, Durability::interval, Durability::none}, durability_from_word);
  words_come_back(
      {State::parked, State::scheduled, State::blocked, State::ready, State::running, State::failed},
      state_from_word);
}

TEST(Token, ALaterDeliveryHasTheGreaterFence) {
  EXPECT_LT((Token{1, 1, 1}).fence(), (Token{1, 2, 1}).fence());
  EXPECT_LT((Token{1, 9, 1}).fence(), (Token{1, 1, 2}).fence());
}

TEST(SpecDefaults, FillInWhatASpecDoesNotSay) {
  SpecDefaults defaults;
  defaults.attempts = 5;
  defaults.result_ttl_s = 60;
  defaults.no_retry = {"KeyError"};
  Spec spec;
  spec.result_ttl_s = 3600;
  defaults.complete(spec);
  EXPECT_EQ(spec.attempts, 5U);
  EXPECT_EQ(spec.result_ttl_s, 3600U);
  EXPECT_EQ(spec.no_retry, std::vector<std::string>{"KeyError"});
  EXPECT_EQ(spec.crash_attempts, Spec{}.crash_attempts);

  Spec said;
  said.result_ttl_s = 3600;
  said.said.emplace().add(SpecOption::attempts);
  defaults.complete(said);
  EXPECT_EQ(said.attempts, 3U) << "chosen, though it is what holds anyway";
  EXPECT_EQ(said.result_ttl_s, 60U) << "not chosen, though it differs";
  EXPECT_FALSE(said.said);
}

TEST(SpecDefaults, TheJitterIsSaidByItself) {
  SpecDefaults defaults;
  defaults.backoff = Backoff{.initial_ms = 5, .max_ms = 5, .factor = 1, .jitter = 0.5F, .list_ms = {}};
  Spec jitter;
  jitter.backoff.jitter = 0;
  defaults.complete(jitter);
  EXPECT_EQ(jitter.backoff.initial_ms, 5U);
  EXPECT_EQ(jitter.backoff.jitter, 0.F);
  Spec backoff;
  backoff.backoff.list_ms = {7};
  defaults.complete(backoff);
  EXPECT_EQ(backoff.backoff.list_ms, std::vector<std::uint32_t>{7});
  EXPECT_EQ(backoff.backoff.jitter, 0.5F);
}

TEST(SpecDefaults, AreCheckedAsSpecsAre) {
  SpecDefaults defaults;
  defaults.attempts = 0;
  EXPECT_EQ(validate(defaults).error().field, "spec.attempts");
  defaults.attempts = 1;
  defaults.soft_timeout_ms = 2;
  defaults.hard_timeout_ms = 1;
  EXPECT_EQ(validate(defaults).error().field, "spec.soft_timeout_ms");
}

}  // namespace
}  // namespace joinery
