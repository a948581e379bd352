// A long random life of schedules, with the real timetables: jobs that take their time, restarts of the
// broker at any point, checkpoints, clocks that are set forth and back. No due time may be fired early,
// twice, or (where all are made up for) not at all, and jobs of a schedule that may not overlap never do.
//
// JOINERY_SEED=n replays one life.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "broker/timetable/missed.h"
#include "tests/simulation/core_driver.h"

namespace joinery::tests {
namespace {

using namespace broker;
using namespace std::chrono_literals;

const SessionId tool{1, 1};
const SessionId worker{2, 1};

class ScheduleLife {
 public:
  explicit ScheduleLife(std::uint64_t seed)
      : random_(seed), driver_({.lease = 24h * 365, .session_expiry = 24h * 365, .queue_defaults = {}}) {
    // A few days before clocks are set, in spring or autumn.
    const auto month = below(2) == 0 ? std::chrono::March : std::chrono::October;
    driver_.now.wall = std::chrono::sys_days(std::chrono::year(2025) / month / 24);
    connect();
    const std::vector<std::string> crons{"*/7 * * * *", "30 2,14 * * *", "@every 11m"};
    for (const CatchUp catch_up : {CatchUp::none, CatchUp::last, CatchUp::all}) {
      for (const Overlap overlap : {Overlap::allow, Overlap::skip, Overlap::queue, Overlap::replace}) {
        Schedule schedule;
        schedule.name = fmt::format("{}-{}", word(catch_up), word(overlap));
        schedule.cron = crons[below(crons.size())];
        schedule.zone = below(2) == 0 ? "Europe/Berlin" : "";
        schedule.catch_up = catch_up;
        schedule.catch_up_max = 10'000;
        schedule.overlap = overlap;
        set(schedule);
      }
    }
  }

  void live(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      some_step();
      fire_all();
      check_overlap();
    }
    EXPECT_GT(fired_.size(), 100U) << "the life was too short to show anything";
    check_all_made_up_for();
  }

  // Without further times, all that was put ends.
  void work_off() {
    for (const auto& [name, _] : since_) admin(PauseSchedule{name, "test", "the end"});
    for (int turn = 0; turn < 10'000 && driver_.core->totals().unfinished() != 0; ++turn) {
      finish(true);
      see(driver_.advance(1s));
    }
    EXPECT_EQ(driver_.core->totals().unfinished(), 0U);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  Duration some_time(Duration most) {
    return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()))));
  }
  const ScheduleState& state(const std::string& name) const { return *driver_.core->schedule(name); }
  Timetable table(const std::string& name) const {
    const ScheduleState& known = state(name);
    return Timetable::make(known.is.cron, known.is.zone, known.since).value();
  }

  void some_step() {
    const auto dice = below(100);
    if (dice < 40) return finish(false);
    if (dice < 75) return see(driver_.advance(some_time(40min)));
    if (dice < 83) return set_clock();
    if (dice < 88) return driver_.checkpoint();
    if (dice < 94) return crash();
    if (dice < 96) return by_hand();
    if (dice < 98) return admin(PauseSchedule{some_schedule(), "test", "why not"});
    resume(some_schedule());
  }

  void connect() {
    driver_.apply(Connect{.session = tool, .role = Role::tool, .worker = {}, .held = {}});
    const WorkerInfo info{
        .name = "w", .host = {}, .processes = 1, .queues = {"default"}, .handlers = {"*"}, .capacity = 1000};
    see(driver_.apply(Connect{worker, Role::worker, info, {held_.begin(), held_.end()}}));
  }
  template <typename Verb>
  void admin(Verb verb) {
    see(driver_.apply(Admin{tool, ++sequence_, 0, std::move(verb)}));
  }
  void set(const Schedule& schedule) {
    const Wall first =
        Timetable::make(schedule.cron, schedule.zone, driver_.now.wall).value().next(driver_.now.wall);
    admin(SetSchedule{schedule, first, true});
    since_[schedule.name] = driver_.now.wall;
  }
  std::string some_schedule() {
    // The one whose times are all counted is left alone.
    return std::vector<std::string>{"none-skip", "last-queue", "all-replace", "last-allow"}[below(4)];
  }
  void resume(const std::string& name) { admin(ResumeSchedule{name, table(name).next(driver_.now.wall)}); }
  void by_hand() {
    const std::string name = some_schedule();
    const PutGroup group = this->group();
    admin(RunSchedule{name, group});
    if (state(name).last_job != 0) jobs_[name].insert(state(name).last_job);
  }

  // Forth or back, and the time that passes meanwhile is not to be seen.
  void set_clock() {
    driver_.now.wall += some_time(6h) - 3h;
    see(driver_.tick());
  }
  void crash() {
    std::vector<ScheduleState> before;
    for (const ScheduleState* known : driver_.core->schedules()) before.push_back(*known);
    driver_.now.wall += some_time(5h) - 1h;
    driver_.now.mono += some_time(1min);
    see(driver_.crash());
    std::vector<ScheduleState> after;
    for (const ScheduleState* known : driver_.core->schedules()) after.push_back(*known);
    EXPECT_EQ(before, after);
    connect();
  }

  PutGroup group() {
    Spec spec;
    spec.handler = "h";
    spec.after = After::finished;
    return {.queue = "default", .spec = driver_.intern(spec), .sizes = sizes_};
  }
  // As the broker's scheduler does it; now and then it dies on the way.
  void fire_all() {
    std::vector<std::string> due;
    if (driver_.core->next_schedule() > driver_.now.wall) return;
    for (const ScheduleState* known : driver_.core->schedules()) {
      if (!known->paused && known->next <= driver_.now.wall) due.push_back(known->is.name);
    }
    EXPECT_FALSE(due.empty());
    for (const std::string& name : due) {
      for (const Firing& firing : firings(table(name), state(name).is, state(name).next, driver_.now.wall)) {
        fire(name, firing);
        if (below(200) == 0) return crash();
      }
    }
  }
  void fire(const std::string& name, const Firing& firing) {
    const ScheduleState before = state(name);
    const PutGroup one = group();
    Fire command{.schedule = name,
                 .was = before.next,
                 .due = firing.due,
                 .next = firing.next,
                 .group = &one,
                 .problem = {}};
    if (!firing.due) command.problem = "missed";
    see(driver_.apply(command));
    EXPECT_EQ(state(name).next, firing.next);
    if (firing.due) {
      EXPECT_LE(*firing.due, driver_.now.wall) << name << " was early";
      EXPECT_EQ(table(name).next(*firing.due - Duration(1)), *firing.due) << name << " was not due then";
      EXPECT_TRUE(fired_.emplace(name, *firing.due).second) << name << " was fired twice";
    }
    if (state(name).submitted != before.submitted) jobs_[name].insert(state(name).last_job);
    // Once more, as if the first were not known.
    const ScheduleState after = state(name);
    if (below(4) == 0) see(driver_.apply(command));
    EXPECT_EQ(state(name), after);
  }

  void finish(bool all) {
    std::vector<Run> runs;
    std::erase_if(held_, [&](const Token& token) {
      if (!all && below(3) != 0) return false;
      runs.push_back({token.job, 1, token.attempt, token.epoch});
      return true;
    });
    see(driver_.apply(broker::Finish{worker, ++finishes_, runs, {}}));
  }
  void see(const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      if (const auto* dispatch = std::get_if<effect::Dispatch>(&effect)) {
        for (const effect::Delivery& delivery : dispatch->deliveries) held_.push_back(delivery.token);
      }
      if (const auto* revoke = std::get_if<effect::Revoke>(&effect);
          revoke != nullptr && revoke->reason != Code::cancelled)
        for (const Token& token : revoke->tokens) std::erase(held_, token);
    }
  }

  void check_overlap() {
    for (auto& [name, jobs] : jobs_) {
      const Overlap overlap = state(name).is.overlap;
      std::size_t running = 0;
      std::size_t waiting = 0;
      std::erase_if(jobs, [&](JobId id) {
        const auto job = driver_.core->job(id);
        if (!job || job->outcome) return true;
        EXPECT_EQ(job->schedule, name);
        (job->state == State::blocked ? waiting : running) += 1;
        return false;
      });
      if (overlap == Overlap::allow) continue;
      EXPECT_LE(running, 1U) << name;
      EXPECT_LE(waiting, overlap == Overlap::skip ? 0U : 1U) << name;
    }
  }
  // Of the schedule that makes up for all and lets its jobs overlap, each due time put its job.
  void check_all_made_up_for() {
    const std::string name = "all-allow";
    std::vector<Wall> fired;
    for (const auto& [of, due] : fired_) {
      if (of == name) fired.push_back(due);
    }
    const Timetable times = table(name);
    const Wall first = times.next(since_.at(name));
    ASSERT_FALSE(fired.empty());
    EXPECT_EQ(fired, times.last(first, fired.back(), 1'000'000));
    EXPECT_EQ(times.next(fired.back()), state(name).next);
  }

  std::mt19937_64 random_;
  CoreDriver driver_;
  std::uint64_t sequence_ = 0;
  std::uint64_t finishes_ = 0;
  std::vector<Token> held_;
  std::map<std::string, Wall> since_;
  std::set<std::pair<std::string, Wall>> fired_;
  std::map<std::string, std::set<JobId>> jobs_;
  const std::vector<std::uint32_t> sizes_{3};
};

TEST(ScheduleSimulation, EachDueTimeIsFiredOnceWhateverHappens) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : 10); ++seed) {
    SCOPED_TRACE(fmt::format("JOINERY_SEED={}", seed));
    ScheduleLife life(seed);
    life.live(400);
    life.work_off();
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace joinery::tests
