// Schedules in the core: what a due time puts, once, and what the overlap policy makes of it.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;

class Schedules : public testing::TestWithParam<bool> {
 protected:
  Schedules() {
    talk.producer("p");
    talk.admin("p", broker::Configure{"mail", {}});
  }

  std::string set(Overlap overlap = Overlap::allow, bool replace = false,
                  const std::string& cron = "@every 1h") {
    Schedule schedule;
    schedule.name = "s";
    schedule.cron = cron;
    schedule.overlap = overlap;
    return talk.admin("p", broker::SetSchedule{schedule, now() + 1h, replace});
  }
  Wall now() const { return talk.driver.now.wall; }
  const broker::ScheduleState& state() const { return *talk.driver.core->schedule("s"); }
  broker::PutGroup group() {
    Spec spec = Put::default_spec();
    spec.after = After::finished;
    return {.queue = "mail", .spec = talk.driver.intern(spec), .sizes = sizes};
  }
  // Its next time comes, and an hour later there will be another.
  std::string due() {
    talk.pass(state().next - now());
    return fire(state().next, state().next);
  }
  std::string fire(Wall was, std::optional<Wall> due) {
    const broker::PutGroup one = group();
    return talk.text(talk.driver.apply(broker::Fire{.schedule = "s",
                                                    .was = was,
                                                    .due = due,
                                                    .next = was + 1h,
                                                    .group = &one,
                                                    .problem = due ? "" : "missed"}));
  }
  std::string crash() {
    if (GetParam()) talk.driver.checkpoint();
    return talk.crash();
  }

  Conversation talk{{.lease = 24h, .session_expiry = 24h, .queue_defaults = {}}};  // nobody is lost meanwhile
  const std::vector<std::uint32_t> sizes{5};
};
INSTANTIATE_TEST_SUITE_P(Core, Schedules, testing::Bool(),
                         [](const auto& with) { return with.param ? "WithACheckpoint" : "FromChanges"; });

TEST_P(Schedules, OneThatLostItsTimesIsGivenNewOnesWhenItIsSetOrResumed) {
  const auto lose_times = [&] {
    talk.pass(1h);
    const Wall was = state().next;
    talk.driver.apply(broker::Fire{
        .schedule = "s", .was = was, .due = {}, .next = never_wall, .problem = "its zone is not here"});
    crash();
    EXPECT_EQ(state().next, never_wall);
  };
  set();
  lose_times();
  EXPECT_EQ(set(Overlap::allow, true), "done p 1");
  EXPECT_EQ(state().next, now() + 1h);
  lose_times();
  talk.admin("p", broker::PauseSchedule{"s", "ann", "why"});
  EXPECT_EQ(talk.admin("p", broker::ResumeSchedule{"s", now() + 2h}), "done p 1");
  EXPECT_EQ(state().next, now() + 2h);
}

TEST_P(Schedules, ADueTimePutsOneJobAlsoIfItIsToldTwice) {
  EXPECT_EQ(set(), "done p 1");
  EXPECT_EQ(talk.driver.core->next_schedule(), now() + 1h);
  EXPECT_EQ(talk.driver.core->next_deadline().wall, now() + 1h);
  const Wall first = state().next;
  EXPECT_EQ(fire(first, first), "") << "its time has not come";
  EXPECT_EQ(talk.counts("mail"), "");
  due();
  EXPECT_EQ(talk.counts("mail"), "ready=1");
  fire(first, first);
  crash();
  fire(first, first);
  EXPECT_EQ(talk.counts("mail"), "ready=1");
  EXPECT_EQ(state().next, first + 1h);
  EXPECT_EQ(state().last_due, first);
  EXPECT_EQ(state().submitted, 1U);
  EXPECT_EQ(talk.driver.core->job(1)->schedule, "s");
}

TEST_P(Schedules, TheJobAndItsFiringAreOneRecord) {
  set();
  talk.pass(1h);
  broker::Effects effects;
  const broker::PutGroup one = group();
  talk.driver.core->apply(
      talk.driver.now,
      broker::Fire{
          .schedule = "s", .was = now(), .due = now(), .next = now() + 1h, .group = &one, .problem = {}},
      effects);
  const auto has = [&]<typename Kind>(std::type_identity<Kind>) {
    return std::ranges::any_of(
        effects.changes, [](const broker::Change& change) { return std::holds_alternative<Kind>(change); });
  };
  EXPECT_TRUE(has(std::type_identity<broker::change::Put>{}));
  EXPECT_TRUE(has(std::type_identity<broker::change::Fired>{}));
}

TEST_P(Schedules, ThatSkipPutNothingWhileTheirJobIsUnfinished) {
  talk.worker("w", {"mail"});
  set(Overlap::skip);
  EXPECT_EQ(due(), "dispatch w 1#1");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  EXPECT_EQ(due(), "");
  EXPECT_EQ(state().problem, "its job 1 is unfinished");
  EXPECT_EQ(state().skipped, 1U);
  talk.finish("w", "1#1");
  EXPECT_EQ(due(), "dispatch w 2#1");
  EXPECT_EQ(state().problem, "");
}

TEST_P(Schedules, ThatQueueLetOneJobWait) {
  talk.worker("w", {"mail"});
  set(Overlap::queue);
  due();
  EXPECT_EQ(due(), "");
  EXPECT_EQ(talk.state(2), "blocked");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  due();
  EXPECT_EQ(talk.counts("mail"), "blocked=1 running=1") << "a third is skipped";
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Report::Kind::rejected}), "acked w; dispatch w 2#1")
      << "whichever way the first ends";
}

TEST_P(Schedules, ThatReplaceCancelTheJobBeforeAndNeverOverlap) {
  talk.worker("w", {"mail"});
  set(Overlap::replace);
  due();
  EXPECT_EQ(due(), "revoke w cancelled 1#1");
  crash();
  talk.worker("w", {"mail"}, {.held = "1#1"});
  due();
  EXPECT_EQ(talk.counts("mail"), "blocked=1 running=1 cancelled=1")
      << "the one that waited is replaced at once";
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Report::Kind::cancelled}), "acked w; dispatch w 3#1");
}

TEST_P(Schedules, ThatArePausedAreNotDue) {
  set();
  talk.admin("p", broker::PauseSchedule{"s", "ann", "why"});
  crash();
  talk.producer("p");
  EXPECT_EQ(talk.driver.core->next_schedule(), never_wall);
  EXPECT_EQ(due(), "");
  EXPECT_EQ(talk.counts("mail"), "");
  talk.admin("p", broker::ResumeSchedule{"s", now() + 30min});
  EXPECT_EQ(talk.driver.core->next_schedule(), now() + 30min) << "what was due meanwhile is not made up for";
}

TEST_P(Schedules, KeepTheirTimesWhenOnlyTheirJobChanges) {
  set();
  const Wall next = state().next;
  talk.pass(10min);
  EXPECT_THAT(set(Overlap::skip), testing::HasSubstr("invalid_state"));
  set(Overlap::skip, true);
  EXPECT_EQ(state().next, next);
  EXPECT_EQ(state().is.overlap, Overlap::skip);
  set(Overlap::skip, true, "@every 2h");
  EXPECT_EQ(state().next, now() + 1h) << "what the edge says of the new times";
  EXPECT_EQ(state().since, now());
}

TEST_P(Schedules, OfTheConfigurationAreNotChangedByOthers) {
  Schedule schedule;
  schedule.name = "s";
  schedule.declared = true;
  talk.admin("p", broker::SetSchedule{schedule, now() + 1h, true});
  EXPECT_THAT(set(Overlap::skip, true), testing::HasSubstr("invalid_state"));
  EXPECT_THAT(talk.admin("p", broker::DeleteSchedule{"s"}), testing::HasSubstr("invalid_state"));
  EXPECT_EQ(talk.admin("p", broker::DeleteSchedule{"s", true}), "done p 1");
  EXPECT_EQ(talk.driver.core->schedule("s"), nullptr);
}

TEST_P(Schedules, ThatAreRunByHandKeepTheirTimes) {
  set(Overlap::skip);
  const Wall next = state().next;
  EXPECT_EQ(talk.admin("p", broker::RunSchedule{"s", group()}), "done p 1");
  EXPECT_THAT(talk.admin("p", broker::RunSchedule{"s", group()}), testing::HasSubstr("invalid_state"));
  EXPECT_EQ(state().next, next);
  EXPECT_EQ(talk.counts("mail"), "ready=1");
}

TEST_P(Schedules, ARunByHandIsTheLastJobAndHasNoDueTime) {
  set();
  due();
  EXPECT_NE(state().last_due, Wall{});
  talk.admin("p", broker::RunSchedule{"s", group()});
  crash();
  EXPECT_EQ(state().last_job, 2U);
  EXPECT_EQ(state().last_due, Wall{});
}

TEST_P(Schedules, AreListedPageByPage) {
  for (const std::string name : {"b", "a", "c"}) {
    Schedule schedule;
    schedule.name = name;
    schedule.cron = "@daily";
    talk.admin("p", broker::SetSchedule{schedule, now() + 1h});
  }
  const auto names = [&](std::string_view after, std::size_t most) {
    std::string all;
    for (const auto* one : talk.driver.core->schedules(after, most)) all += one->is.name;
    return all;
  };
  EXPECT_EQ(names("", 2), "ab");
  EXPECT_EQ(names("b", 2), "c");
}

TEST_P(Schedules, WaitWhilePutsAreRefused) {
  set();
  talk.driver.core->refuse_puts(Code::disk_full);
  EXPECT_EQ(talk.driver.core->next_schedule(), never_wall) << "nobody is woken in vain";
  due();
  EXPECT_EQ(talk.counts("mail"), "");
  talk.driver.core->refuse_puts(Code::ok);
  EXPECT_EQ(talk.driver.core->next_schedule(), now());
}

}  // namespace
}  // namespace joinery::tests
