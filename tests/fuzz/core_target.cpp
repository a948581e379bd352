// The fuzzed core: bytes become commands.
#include <algorithm>
#include <span>

#include "broker/core/core.h"
#include "shared/base/check.h"
#include "targets.h"

namespace joinery::fuzz {
namespace {

using namespace broker;

// Takes numbers from the bytes; zeros when they are used up.
class Numbers {
 public:
  explicit Numbers(Bytes bytes) : bytes_(bytes) {}
  bool any() const { return !bytes_.empty(); }
  std::uint64_t below(std::uint64_t limit) {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte % limit;
  }
  bool chance() { return below(2) == 1; }

 private:
  Bytes bytes_;
};

const std::vector<std::string> names{"a", "b", "c"};

// A core, commanded from a few sessions about a few jobs, queues and batches, so that commands meet.
class Life {
  static CoreOptions small() {
    CoreOptions options;
    options.finished_kept = options.batches_kept = 8;
    return options;
  }

 public:
  explicit Life(Bytes bytes) : numbers_(bytes) {}

  void run() {
    Effects begun;
    core_->start(now_, begun);
    replay(begun);
    while (numbers_.any()) step();
    come_back();
  }

 private:
  void step() {
    now_.mono += Duration(static_cast<std::int64_t>(numbers_.below(256)) * 10'000);
    now_.wall += Duration(static_cast<std::int64_t>(numbers_.below(256)) * 10'000);
    switch (numbers_.below(12)) {
      case 0: return apply(Connect{session(), role(), worker(), {}});
      case 1: return apply(Disconnect{session(), numbers_.chance()});
      case 2:
      case 3: return submit();
      case 4: return finish();
      case 5: return apply(Capacity{session(), static_cast<std::uint32_t>(numbers_.below(8))});
      case 6: return apply(Join{session(), numbers_.below(20), target()});
      case 7: return apply(broker::Forget{session(), numbers_.below(20)});
      case 8: return apply(HoldKey{session(), token(), "host:x", numbers_.below(100), {}});
      case 9: return come_back();
      default: return admin();
    }
  }

  SessionId session() { return {1, numbers_.below(4)}; }
  Role role() { return numbers_.chance() ? Role::worker : Role::producer; }
  const std::string& name() { return names[numbers_.below(names.size())]; }
  JobId job() { return numbers_.below(24); }
  Token token() { return {job(), static_cast<std::uint32_t>(numbers_.below(4)), core_->epoch()}; }
  std::uint64_t sequence() { return numbers_.below(30); }

  WorkerInfo worker() {
    WorkerInfo info;
    info.name = name();
    info.queues = {name(), name()};
    if (info.queues[0] == info.queues[1]) info.queues.pop_back();
    info.handlers = {"*"};
    info.capacity = static_cast<std::uint32_t>(numbers_.below(8));
    return info;
  }

  broker::Target target() {
    switch (numbers_.below(3)) {
      case 0: return {.queue = name(), .batch = 0, .jobs = {}};
      case 1: return {.queue = {}, .batch = numbers_.below(4), .jobs = {}};
      default: return {.queue = {}, .batch = 0, .jobs = {job(), job()}};
    }
  }

  void submit() {
    Spec spec;
    spec.handler = name();
    spec.attempts = static_cast<std::uint32_t>(1 + numbers_.below(3));
    spec.crash_attempts = static_cast<std::uint32_t>(1 + numbers_.below(3));
    Effects defined;
    const SpecId id = core_->intern(spec, defined);
    replay(defined);
    const std::vector<std::uint32_t> sizes(1 + numbers_.below(3), 4);
    Columns columns;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      columns.priority.push_back(static_cast<std::int64_t>(numbers_.below(5)));
      columns.delay_ms.push_back(numbers_.below(3) * 100);
      columns.key.push_back(numbers_.chance() ? "host:x" : "");
      columns.unique_key.push_back(numbers_.below(4) == 0 ? "only" : "");
    }
    const PutGroup group{name(), id, numbers_.below(4), 0, sizes, numbers_.chance() ? &columns : nullptr};
    Submit command;
    command.session = session();
    command.sequence = sequence();
    command.groups = {&group, 1};
    command.when_full = numbers_.chance() ? WhenFull::park : WhenFull::refuse;
    command.watch = numbers_.chance();
    apply(command);
  }

  void finish() {
    Finish command;
    command.session = session();
    command.sequence = sequence();
    const Run run{job(), static_cast<std::uint32_t>(1 + numbers_.below(3)), 1, core_->epoch()};
    Report report;
    report.kind = static_cast<Report::Kind>(numbers_.below(6));
    report.token = token();
    report.failure.code = report.kind == Report::Kind::crashed ? Code::process_died : Code::handler_error;
    const CoreReport told{&report, {}};
    if (numbers_.chance()) {
      command.succeeded = {&run, 1};
      return apply(command);
    }
    command.reports = {&told, 1};
    apply(command);
  }

  void admin() {
    Admin command;
    command.session = session();
    command.sequence = sequence();
    switch (numbers_.below(12)) {
      case 0: {
        QueueOptions options;
        options.mode = static_cast<Mode>(numbers_.below(3));
        options.maxsize = numbers_.below(4);
        options.fair = numbers_.chance();
        command.verb = Configure{name(), options};
        break;
      }
      case 1: command.verb = Pause{name(), "x", "y"}; break;
      case 2: command.verb = Resume{name()}; break;
      case 3: command.verb = Cancel{target(), Duration(1000)}; break;
      case 4: command.verb = Retry{{job()}}; break;
      case 5: command.verb = Delete{{job()}}; break;
      case 6: command.verb = OpenBatch{name(), numbers_.below(4), numbers_.chance()}; break;
      case 7: command.verb = CloseBatch{numbers_.below(4)}; break;
      case 8:
        command.verb = Update{{job()}, static_cast<std::int64_t>(numbers_.below(9)), std::nullopt};
        break;
      case 9: command.verb = MoveTo{{job()}, name()}; break;
      case 10: {
        Bulk bulk;
        bulk.verb = static_cast<BulkVerb>(numbers_.below(5));
        bulk.filter.queue = name();
        bulk.to = name();
        command.verb = bulk;
        break;
      }
      default: command.verb = SetLimit{{.pattern = "host:*", .concurrency = 1}}; break;
    }
    apply(command);
  }

  void apply(const Command& command) {
    Effects effects;
    core_->apply(now_, command, effects);
    replay(effects);
    Effects due;
    core_->tick(now_, due);
    replay(due);
  }

  // What a journal would keep; changes must fit the state that they were made for.
  void replay(const Effects& effects) {
    for (const Change& change : effects.changes) JOINERY_CHECK(replica_->replay(change, 0));
    const Counts here = core_->totals(), there = replica_->totals();
    JOINERY_CHECK(here.unfinished() == there.unfinished());
    JOINERY_CHECK(here.succeeded == there.succeeded && here.failed == there.failed);
    JOINERY_CHECK(here.cancelled == there.cancelled && here.expired == there.expired);
  }

  // The broker starts anew, from a checkpoint: as what it was.
  void come_back() {
    Buffer saved;
    core_->save([&saved](Bytes bytes) { saved += bytes; });
    auto next = std::make_unique<Core>(small());
    JOINERY_CHECK(next->load(saved));
    JOINERY_CHECK(next->totals().unfinished() == core_->totals().unfinished());
    core_ = std::move(next);
    Effects begun;
    core_->start(now_, begun);
    replay(begun);
  }

  Numbers numbers_;
  Now now_{Mono(Duration(1'000'000)), Wall(Duration(1'700'000'000'000'000))};
  std::unique_ptr<Core> core_ = std::make_unique<Core>(small());
  std::unique_ptr<Core> replica_ = std::make_unique<Core>(small());
};

}  // namespace

void feed_core(Bytes bytes) { Life(bytes.substr(0, 2000)).run(); }

std::vector<Buffer> core_corpus() {
  std::vector<Buffer> all;
  std::uint32_t number = 1;
  for (int i = 0; i < 8; ++i) {
    Buffer& bytes = all.emplace_back();
    for (int k = 0; k < 600; ++k)
      bytes += static_cast<char>((number = number * 1'664'525 + 1'013'904'223) >> 24U);
  }
  return all;
}

}  // namespace joinery::fuzz
