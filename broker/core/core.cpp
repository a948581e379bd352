// The public face: everything is passed on to Core::Impl and the Ledger.
#include "broker/core/core.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"
#include "broker/core/snapshot.h"

namespace joinery::broker {

Core::Core(CoreOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Core::~Core() = default;

void Core::apply(Now now, const Command& command, Effects& effects) {
  impl_->begin(now);
  std::visit([&](const auto& one) { impl_->on(now, one, effects); }, command);
  impl_->settle(effects);
}

void Core::tick(Now now, Effects& effects) { impl_->tick(now, effects); }

Deadline Core::next_deadline() const {
  const Wall wall = std::min({impl_->wall_timers.next(), impl_->history_timers.next(), next_schedule()});
  if (impl_->at_once()) return {Mono{}, wall};
  return {std::min({impl_->delays.next(), impl_->session_timers.next(), impl_->keys.next_deadline()}), wall};
}

void Core::heard(Now now, SessionId session) {
  if (Session* known = impl_->session(session)) known->last_heard = now.mono;
}

void Core::refuse_puts(Code code) { impl_->refuse_puts = code; }

SpecId Core::intern(const Spec& spec, Effects& effects) { return impl_->intern(spec, effects); }

const Spec& Core::spec(SpecId id) const {
  JOINERY_CHECK(id < impl_->ledger.specs.size());
  return impl_->ledger.specs[id].spec;
}

void Core::placed(JobId first, std::uint32_t count, std::uint64_t position) {
  for (JobId id = first; id < first + count; ++id) {
    Job* job = impl_->ledger.job(id);
    JOINERY_CHECK(job != nullptr);
    job->position = position;
    position += job->size;
  }
}

bool Core::is_at(JobId id, Place place) const {
  const Job* job = impl_->ledger.job(id);
  return job != nullptr && job->place() == place;
}

void Core::moved(JobId id, Place place) {
  Job* job = impl_->ledger.job(id);
  JOINERY_CHECK(job != nullptr && job->size == place.size);
  job->position = place.position;
}

Result<> Core::replay(const Change& change, std::uint64_t position) {
  const bool fits = impl_->ledger.evolve(change, impl_->fallout, position);
  for (const Fallout::Ended& ended : impl_->fallout.ended) impl_->leave_range(ended.outcome.job);
  impl_->fallout = Fallout{};
  if (!fits) {
    return fail(
        Code::journal_corrupt,
        fmt::format("a change (kind {}) does not fit the state that it was written for", change.index()));
  }
  if (const auto* answer = std::get_if<change::Answer>(&change); answer != nullptr && answer->watch) {
    impl_->watch_groups(answer->session, answer->groups);
  }
  return {};
}

void Core::start(Now now, Effects& effects) { impl_->start(now, effects); }

void Core::save(const std::function<void(Bytes)>& write) const {
  ByteWriter out(write);
  SnapshotWriter(impl_->ledger, out).write();
  out.put(std::uint64_t{impl_->watch_ranges.size()});
  for (const auto& [first, range] : impl_->watch_ranges) {
    out.put(first);
    out.put(range.count);
    out.put(range.session.high);
    out.put(range.session.low);
  }
}

Result<> Core::load(Bytes saved) {
  ByteReader in(saved);
  if (auto read = SnapshotReader(impl_->ledger, in).read(); !read) return read;
  for (auto n = in.count(28); n != 0; --n) {
    const auto first = in.get<JobId>();
    const auto count = in.get<std::uint32_t>();
    const auto high = in.get<std::uint64_t>();
    impl_->watch_jobs({high, in.get<std::uint64_t>()}, first, count);
  }
  if (in.ok() && in.at_end()) return {};
  return fail(Code::journal_corrupt, "the checkpoint does not end where it should");
}

std::uint32_t Core::epoch() const { return impl_->ledger.epoch; }
JobId Core::next_job() const { return impl_->ledger.next_job; }
BatchId Core::next_batch() const { return impl_->ledger.next_batch; }
Counts Core::totals() const { return impl_->ledger.totals; }

std::size_t Core::memory_bytes() const {
  return impl_->ledger.memory_bytes() + impl_->delays.memory_bytes() + impl_->wall_timers.memory_bytes() +
         impl_->keys.memory_bytes();
}

}  // namespace joinery::broker
