// A long random life of the core against a model that knows only what a job may not do: be lost, run twice at
// once, run after its outcome, have two outcomes, be miscounted, or break a limit or the order of its key;
// run before what comes first has ended, or as one of a batch that was cancelled. The broker dies at random
// points and recovers from a checkpoint and the changes since. At the end everything is worked off: every job
// that was accepted has exactly one outcome, and every batch is finished.
//
// JOINERY_SEED=n replays one life.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "tests/simulation/core_driver.h"
#include "tests/simulation/key_model.h"

namespace joinery::tests {
namespace {

using namespace broker;
using namespace std::chrono_literals;

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), driver_(options()) {
    for (std::size_t i = 0; i < 3; ++i) connect_producer(i);
    for (std::size_t i = 0; i < 4; ++i) connect_worker(i);
    configure("stack", {.mode = Mode::lifo});
    configure("urgent", {.mode = Mode::priority});
    configure("small", {.maxsize = 5});
    configure("fair", {.fair = true});
    for (const Limit& limit : KeyModel::limits()) admin(SetLimit{limit});
    admin(OpenBatch{"all"});
  }

  void live(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      some_step();
      check_counts();
      keys_.check_running(*driver_.core);
    }
  }
  // Everybody is there, nothing fails any more: all must end.
  void work_off() {
    healthy_ = true;
    for (std::size_t i = 0; i < workers_.size(); ++i) connect_worker(i);
    end_batches();
    for (int turn = 0; turn < 20'000 && !testing::Test::HasFailure(); ++turn) {
      for (std::size_t i = 0; i < workers_.size(); ++i) finish_some(i);
      see(driver_.next_deadline(3s));  // within the lease
      for (std::size_t i = 0; i < workers_.size(); ++i) driver_.core->heard(driver_.now, worker_id(i));
      const Counts counts = driver_.core->totals();
      if (counts.unfinished() + counts.parked == 0) break;
    }
    const Counts counts = driver_.core->totals();
    EXPECT_EQ(counts.unfinished() + counts.parked, 0U) << stuck();
    std::uint64_t with_outcome = 0;
    for (JobId id = 1; id < driver_.core->next_job(); ++id) {
      with_outcome += driver_.core->job(id) ? 1 : 0;  // the others were parked and given up
    }
    EXPECT_EQ(counts.finished(), with_outcome);
    for (JobId id : accepted_) EXPECT_TRUE(driver_.core->job(id) && driver_.core->job(id)->outcome) << id;
    for (const BatchView& batch : driver_.core->batches(0, 1'000'000)) {
      EXPECT_EQ(batch.counts.unfinished() + batch.counts.parked + batch.nested, 0U) << "batch " << batch.id;
    }
  }

 private:
  // What is left over, and what the core says of it.
  std::string stuck() const {
    std::string text;
    for (const JobView& job : driver_.core->jobs("", std::nullopt, 0, 20)) {
      text += fmt::format("job {} {} in {}, key '{}', attempt {}", job.id, word(job.state), job.queue_name,
                          job.key, job.attempt);
      if (const auto wait = driver_.core->key_wait(driver_.now, job.id))
        text += fmt::format(", waits for {}: {} of {} running{}", wait->node, wait->running, wait->most,
                            wait->free_in ? fmt::format(", {} us", wait->free_in->count()) : "");
      text += '\n';
    }
    return text;
  }
  static CoreOptions options() { return {.finished_kept = 100'000, .queue_defaults = {}}; }
  static Spec plain_spec() {
    Spec spec;
    spec.handler = "a";
    return spec;
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  SessionId producer_id(std::size_t i) const { return {1, i + 1}; }
  SessionId worker_id(std::size_t i) const { return {2 + workers_[i].lives, i + 1}; }

  void some_step() {
    const auto dice = below(100);
    if (dice < 25) return submit();
    if (dice < 60) return finish_some(below(workers_.size()));
    if (dice < 75) return see(driver_.advance(Duration(static_cast<std::int64_t>(below(3'000'000)))));
    if (dice < 80) return lose_worker(below(workers_.size()));
    if (dice < 88) return connect_worker(below(workers_.size()));
    if (dice < 90) return cancel();
    if (dice < 92) return change_batches();
    if (dice < 93) return bulk();
    if (dice < 95) return driver_.checkpoint();
    if (dice < 97) return crash();
    if (dice < 98) return hold();
    if (dice < 99) return edit();
    return pause();
  }

  void submit() {
    static const char* const queues[] = {"mail", "stack", "urgent", "small", "other", "fair"};
    const std::size_t producer = below(3);
    const std::uint32_t count = 1 + static_cast<std::uint32_t>(below(6));
    const std::vector<std::uint32_t> sizes(count, static_cast<std::uint32_t>(below(50)));
    Columns columns;
    for (std::uint32_t i = 0; i < count; ++i) {
      columns.priority.push_back(static_cast<std::int64_t>(below(4)) - 2);
      columns.delay_ms.push_back(below(3) == 0 ? below(5000) : 0);
      const std::int64_t now_ms = driver_.now.wall.time_since_epoch() / 1ms;
      const auto lasts = static_cast<std::int64_t>(columns.delay_ms.back() + 1 + below(20'000));
      columns.expires_at_ms.push_back(below(5) == 0 ? now_ms + lasts : 0);
    }
    Spec spec;
    spec.handler = below(2) == 0 ? "a" : "b";
    spec.ordered = below(4) == 0;
    const std::vector<std::string>& keys = spec.ordered ? KeyModel::ordered_keys() : KeyModel::keys();
    for (std::uint32_t i = 0; i < count; ++i) columns.key.push_back(keys[below(keys.size())]);
    const char* queue = queues[below(6)];
    if (spec.ordered && below(2) == 0) {
      queue = "in-order";
      columns.priority.clear();
      columns.delay_ms.clear();
    }
    const BatchId batch = below(2) == 0 ? some_batch() : 0;
    if (!spec.ordered && below(3) == 0) add_dependencies(batch, columns, spec);
    const PutGroup group{
        .queue = queue,
        .spec = driver_.intern(spec),
        .batch = batch,
        .sizes = sizes,
        .columns = below(4) != 0 || spec.ordered || !columns.after.empty() ? &columns : nullptr};
    const bool flow = batch == 0 && below(4) == 0;
    const PutGroup groups[] = {
        group, {.queue = queues[below(3)], .spec = driver_.intern(plain_spec()), .sizes = sizes}};
    see(driver_.apply(Submit{.session = producer_id(producer),
                             .sequence = ++sequences_[producer],
                             .groups = {groups, flow ? 2U : 1U},
                             .when_full = below(2) == 0 ? WhenFull::park : WhenFull::refuse,
                             .park_timeout = below(2) == 0 ? std::optional<Duration>(2s) : std::nullopt,
                             .watch = below(3) == 0,
                             .under = {},
                             .flow = flow ? std::optional<std::string_view>("") : std::nullopt}));
  }

  BatchId some_batch() { return batches_.empty() ? 0 : batches_[below(batches_.size())]; }
  // Jobs in no batch may come after batches, and none comes after those: so there are no circles.
  void add_dependencies(BatchId batch, Columns& columns, Spec& spec) {
    if (below(2) == 0) spec.after = After::finished;
    const std::size_t jobs = columns.priority.size();
    columns.after.resize(jobs);
    columns.after_batches.resize(jobs);
    for (std::size_t i = 0; i < jobs; ++i) {
      if (i != 0 && below(4) == 0) columns.after[i].push_back(-static_cast<std::int64_t>(1 + below(i)));
      for (auto n = below(3); n != 0 && !first_.empty(); --n)
        columns.after[i].push_back(static_cast<std::int64_t>(first_[below(first_.size())]));
      if (batch == 0 && below(2) == 0 && some_batch() != 0) columns.after_batches[i].push_back(some_batch());
    }
  }

  void change_batches() {
    switch (below(4)) {
      case 0: return admin(OpenBatch{"", below(2) == 0 ? some_batch() : 0, below(3) == 0});
      case 1: return some_batch() != 0 ? admin(CloseBatch{some_batch()}) : void();
      case 2:
        return some_batch() != 0
                   ? see(driver_.apply(Join{
                         producer_id(1), ++sequences_[1], {.queue = {}, .batch = some_batch(), .jobs = {}}}))
                   : void();
      default: return cancel_batch(some_batch());
    }
  }
  void cancel_batch(BatchId id) {
    if (id == 0) return;
    admin(Cancel{{.queue = {}, .batch = id, .jobs = {}}});
    for (const BatchView& batch : driver_.core->batches(0, 1'000'000)) {
      if (batch.cancelled) cancelled_.insert(batch.id);
    }
  }
  // Each is closed, and has had a job: else what comes after it would wait for ever.
  void end_batches() {
    const std::vector<std::uint32_t> sizes{1};
    for (const BatchId id : batches_) {
      admin(CloseBatch{id});
      const PutGroup group{
          .queue = "mail", .spec = driver_.intern(plain_spec()), .batch = id, .sizes = sizes};
      see(driver_.apply(Submit{.session = producer_id(0),
                               .sequence = ++sequences_[0],
                               .groups = {&group, 1},
                               .park_timeout = {},
                               .under = {}}));
    }
  }

  // Reports some of what the worker holds; most of it good.
  void finish_some(std::size_t i) {
    Worker& worker = workers_[i];
    if (!worker.connected) return;
    std::vector<Run> runs;
    std::vector<Report> reports;
    for (auto held = worker.held.begin(); held != worker.held.end();) {
      if (below(2) == 0 && !healthy_) {
        ++held;
        continue;
      }
      const Token token = *held;
      held = worker.held.erase(held);
      const auto fate = healthy_ ? 0 : below(12);
      if (fate < 7) {
        runs.push_back({token.job, 1, token.attempt, token.epoch});
      } else {
        reports.push_back({static_cast<Report::Kind>(fate - 7), token, {}, {}});
      }
    }
    const std::vector<std::uint32_t> sizes{1};
    const PutGroup child{.queue = "mail", .spec = driver_.intern(plain_spec()), .sizes = sizes};
    std::vector<CoreReport> with_children;
    for (const Report& report : reports) {
      const bool bears = report.kind == Report::Kind::succeeded;
      with_children.push_back({&report, bears ? std::span(&child, 1) : std::span<const PutGroup>{}});
    }
    see(driver_.apply(Finish{worker_id(i), ++worker.sequence, runs, with_children}));
  }

  void connect_producer(std::size_t i) {
    see(driver_.apply(Connect{.session = producer_id(i), .role = Role::producer, .worker = {}, .held = {}}));
  }
  void connect_worker(std::size_t i) {
    Worker& worker = workers_[i];
    const WorkerInfo info{.name = fmt::format("w{}", i),
                          .host = {},
                          .processes = 1,
                          .queues = {"urgent", "small", "mail", "stack", "other", "fair", "in-order"},
                          .handlers = i == 0 ? std::vector<std::string>{"a"} : std::vector<std::string>{"*"},
                          .capacity = 1 + static_cast<std::uint32_t>(i) * 4};
    worker.connected = true;
    see(driver_.apply(Connect{worker_id(i), Role::worker, info, {worker.held.begin(), worker.held.end()}}));
  }
  void lose_worker(std::size_t i) {
    Worker& worker = workers_[i];
    worker.connected = false;
    const auto how = below(3);
    see(driver_.apply(Disconnect{worker_id(i), how == 0}));
    if (how == 1) return;  // it comes back with what it holds
    worker.held.clear();   // its process is gone; another takes its place
    ++worker.lives;
  }

  template <typename Verb>
  void admin(Verb verb) {
    see(driver_.apply(Admin{producer_id(0), ++sequences_[0], 0, std::move(verb)}));
  }
  void configure(const char* queue, QueueOptions options) { admin(Configure{queue, options}); }
  void cancel() {
    if (accepted_.empty()) return;
    admin(Cancel{
        {.queue = {},
         .jobs = {*std::next(accepted_.begin(), static_cast<std::ptrdiff_t>(below(accepted_.size())))}}});
  }
  void bulk() {
    Bulk verb{.verb = static_cast<BulkVerb>(below(5)), .filter = {.queue = "mail"}, .dry_run = below(5) == 0};
    if (verb.verb == BulkVerb::move) verb.to = "other";
    if (below(2) == 0) verb.filter.handler = "a";
    // They come after those that wait.
    for (const auto state : {State::failed, State::ready, State::scheduled, State::blocked}) {
      for (const JobView& job : driver_.core->jobs("mail", state, 0, 1'000'000)) keys_.edited(job.id, true);
    }
    if (verb.verb == BulkVerb::retry && !verb.dry_run) {
      for (const JobView& job : driver_.core->jobs("mail", State::failed, 0, 1'000'000))
        retried_.insert(job.id);
    }
    admin(verb);
  }
  void pause() {
    admin(Pause{"other", "test", "why not"});
    admin(Resume{"other"});
  }
  // A handler that runs changes what may start of a node.
  void hold() {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      for (const Token& token : workers_[i].held) {
        const auto job = driver_.core->job(token.job);
        if (!job || job->state != State::running || job->token != token) continue;
        HoldKey hold{worker_id(i), token, KeyModel::held_node, {}, {}};
        if (below(2) == 0) hold.interval_ms = below(700);
        if (below(2) == 0)
          hold.until = driver_.now.wall + Duration(static_cast<std::int64_t>(below(2'000'000)));
        keys_.held(driver_.now, hold.interval_ms, hold.until);
        return see(driver_.apply(hold));
      }
    }
  }
  // A job that waits is changed, moved to another queue; or a limit is set again as it was.
  void edit() {
    const auto limits = KeyModel::limits();
    if (below(3) == 0) return admin(SetLimit{limits[below(limits.size())]});
    const auto waiting = driver_.core->jobs("", State::ready, 0, 1000);
    if (waiting.empty()) return;
    const JobId job = waiting[below(waiting.size())].id;
    const bool to_other = below(2) == 0;
    keys_.edited(job, to_other);
    if (to_other) return admin(MoveTo{{job}, "other"});
    const std::int64_t now_ms = driver_.now.wall.time_since_epoch() / 1ms;
    admin(broker::Update{{job}, {}, now_ms + static_cast<std::int64_t>(below(3000))});
  }
  void crash() {
    see(driver_.crash());
    for (Worker& worker : workers_) worker.connected = false;
    for (std::size_t i = 0; i < 3; ++i) connect_producer(i);
  }

  // What the outside sees, and what may not be.
  void see(const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      if (const auto* accepted = std::get_if<effect::Accepted>(&effect)) on(*accepted);
      if (const auto* dispatch = std::get_if<effect::Dispatch>(&effect)) on(*dispatch);
      if (const auto* revoke = std::get_if<effect::Revoke>(&effect)) on(*revoke);
      if (const auto* outcomes = std::get_if<effect::Outcomes>(&effect)) on(*outcomes);
      if (const auto* joined = std::get_if<effect::Joined>(&effect)) {
        EXPECT_EQ(joined->counts.unfinished(), 0U);
      }
    }
    const auto batches = driver_.core->batches(batches_.empty() ? 0 : batches_.back(), 1000);
    for (const BatchView& batch : batches) batches_.push_back(batch.id);
  }
  // All that comes first has ended, and as it should have.
  void check_first(const JobView& job) {
    if (job.waits == nullptr) return;
    EXPECT_TRUE(job.waits->over()) << "job " << job.id << " runs too early";
    const bool needs_success = driver_.core->spec(job.spec).after == After::succeeded;
    for (const Waits::For& first : job.waits->all) {
      if (first.batch || retried_.contains(first.id)) continue;
      const auto before = driver_.core->job(first.id);
      EXPECT_TRUE(before && before->outcome && (!needs_success || *before->outcome == Outcome::succeeded))
          << "job " << job.id << " runs, and came after " << first.id;
    }
  }
  void on(const effect::Accepted& accepted) {
    for (const GroupAnswer& group : accepted.groups) {
      EXPECT_TRUE(!group.error || accepted.batch == 0) << "a flow was accepted in part";
      if (group.error) continue;
      for (JobId id = group.first; id < group.first + group.count; ++id) {
        accepted_.insert(id);
        const auto job = driver_.core->job(id);
        if (job && job->waits == nullptr) first_.push_back(id);
      }
    }
  }
  void on(const effect::Dispatch& dispatch) {
    for (const effect::Delivery& delivery : dispatch.deliveries) {
      const Token token = delivery.token;
      EXPECT_GT(token.fence(), fences_[token.job])
          << "a delivery of job " << token.job << " with an old fence";
      fences_[token.job] = token.fence();
      keys_.delivered(*driver_.core, driver_.now, token.job);
      accepted_.insert(token.job);  // children, and parts of parked puts
      const auto job = driver_.core->job(token.job);
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (worker_id(i) == dispatch.session) workers_[i].held.push_back(token);
      }
      EXPECT_TRUE(job && !job->outcome) << "job " << token.job << " was delivered after its outcome";
      EXPECT_FALSE(cancelled_.contains(delivery.batch))
          << "job " << token.job << " of a cancelled batch starts";
      if (job) check_first(*job);
    }
  }
  void on(const effect::Revoke& revoke) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (worker_id(i) != revoke.session || revoke.reason == Code::cancelled) continue;
      for (const Token& token : revoke.tokens) std::erase(workers_[i].held, token);
    }
  }
  void on(const effect::Outcomes& outcomes) {
    for (const effect::JobOutcome& told : outcomes.jobs) {
      const auto job = driver_.core->job(told.job);
      EXPECT_TRUE(told.known && job && (job->outcome || told.outcome == Outcome::failed)) << told.job;
    }
  }

  // Counts are the sum of what is there.
  void check_counts() {
    Counts sum;
    std::map<State, std::uint64_t> states;
    for (const QueueView& queue : driver_.core->queues()) {
      sum.ready += queue.counts.ready;
      sum.running += queue.counts.running;
      sum.scheduled += queue.counts.scheduled;
      sum.parked += queue.counts.parked;
      sum.blocked += queue.counts.blocked;
    }
    for (const JobView& job : driver_.core->jobs("", std::nullopt, 0, 1'000'000)) ++states[job.state];
    const Counts totals = driver_.core->totals();
    EXPECT_EQ(states[State::ready], totals.ready);
    EXPECT_EQ(states[State::running], totals.running);
    EXPECT_EQ(states[State::scheduled], totals.scheduled);
    EXPECT_EQ(states[State::parked], totals.parked);
    EXPECT_EQ(states[State::blocked], totals.blocked);
    EXPECT_EQ(sum.blocked, totals.blocked);
    EXPECT_EQ(sum.ready, totals.ready);
    EXPECT_EQ(sum.running, totals.running);
    EXPECT_EQ(sum.scheduled, totals.scheduled);
    EXPECT_EQ(sum.parked, totals.parked);
  }
  struct Worker {
    bool connected = false;
    std::uint64_t lives = 0;
    std::uint64_t sequence = 0;
    std::vector<Token> held;
  };
  std::mt19937_64 random_;
  CoreDriver driver_;
  std::array<Worker, 4> workers_;
  std::map<std::size_t, std::uint64_t> sequences_;
  std::set<JobId> accepted_;
  std::map<JobId, std::uint64_t> fences_;
  KeyModel keys_;
  std::vector<BatchId> batches_;
  std::set<BatchId> cancelled_;
  std::vector<JobId> first_;  // may be named by others
  std::set<JobId> retried_;
  bool healthy_ = false;
};

TEST(CoreSimulation, EveryAcceptedJobHasExactlyOneOutcomeWhateverHappens) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : 20); ++seed) {
    SCOPED_TRACE(fmt::format("JOINERY_SEED={}", seed));
    Life life(seed);
    life.live(300);
    life.work_off();
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace joinery::tests
