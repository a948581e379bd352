// Read-only pictures of the state.
#include <algorithm>

#include "broker/core/core.h"
#include "broker/core/impl.h"

namespace joinery::broker {
namespace {

QueueView view_of(const QueueState& queue) {
  return {.id = queue.id,
          .name = queue.name,
          .options = queue.options,
          .counts = queue.counts,
          .paused = queue.paused,
          .paused_by = queue.paused_by,
          .pause_reason = queue.pause_reason,
          .paused_since = queue.paused_since,
          .history_jobs = queue.history.jobs(),
          .history_bytes = queue.history.bytes()};
}

}  // namespace

JobView Core::Impl::view(const Job& job) const {
  const QueueState& queue = ledger.queue_of(job);
  JobView view{.id = job.id,
               .state = job.get_state(),
               .queue = queue.id,
               .queue_name = queue.name,
               .spec = job.spec,
               .batch = job.batch,
               .parent = 0,
               .priority = ledger.lines[job.line].priority,
               .attempt = job.attempt,
               .failures = 0,
               .crashes = 0,
               .losses = 0,
               .accepted_at = Wall(std::chrono::milliseconds(job.accepted_ms)),
               .due = {},
               .place = job.place(),
               .token = job.token(),
               .worker = {},
               .held_by = {},
               .key = {},
               .schedule = {},
               .last_failure = nullptr,
               .outcome = {}};
  if (view.state == State::scheduled) view.due = job.due();
  if (view.state == State::failed) view.outcome = Outcome::failed;
  if (ledger.is_ghost(job)) view.outcome = Outcome::cancelled;
  if (view.state == State::running) {
    view.held_by = ledger.holders[job.order_or_holder].session;
    const auto worker = sessions.find(view.held_by);
    if (worker != sessions.end()) view.worker = worker->second.info.name;
  }
  if (const Extra* extra = ledger.extra(job)) {
    view.key = ledger.keys.name(extra->key);
    view.parent = extra->parent;
  }
  if (const Rare* rare = ledger.rare(job)) {
    for (const auto& [name, schedule] : ledger.schedules) {
      if (rare->schedule == schedule.number) view.schedule = name;
    }
    view.failures = rare->failures;
    view.crashes = rare->crashes;
    view.losses = rare->losses;
    view.last_failure = rare->failure.get();
    view.waits = rare->waits.get();
  }
  return view;
}

std::vector<QueueView> Core::queues() const {
  std::vector<QueueView> all;
  for (const QueueState& queue : impl_->ledger.queues) {
    if (queue.id != 0) all.push_back(view_of(queue));
  }
  return all;
}

std::optional<QueueView> Core::queue(std::string_view name) const {
  const std::uint32_t id = impl_->ledger.find_queue(name);
  if (id == 0) return std::nullopt;
  return view_of(impl_->ledger.queues[id]);
}

const SpecDefaults* Core::defaults_of(std::string_view queue) const {
  if (!impl_->ledger.any_defaults) return nullptr;
  const std::uint32_t id = impl_->ledger.find_queue(queue);
  if (id == 0) return nullptr;
  const SpecDefaults& defaults = impl_->ledger.queues[id].options.defaults;
  return defaults.empty() ? nullptr : &defaults;
}

std::string_view Core::queue_name(std::uint32_t id) const { return impl_->ledger.queues.at(id).name; }

std::optional<JobView> Core::job(JobId id) const {
  if (const Job* job = impl_->ledger.job(id)) return impl_->view(*job);
  JobView view{};
  view.id = id;
  if (const auto known = impl_->outcome_of(id)) {
    view.token = known->token;
    view.attempt = known->token.attempt;
    view.outcome = known->outcome;
    return view;
  }
  const auto remembered = finished(id);
  if (!remembered) return std::nullopt;
  view.attempt = remembered->attempt;
  view.outcome = remembered->outcome;
  return view;
}

std::vector<JobView> Core::jobs(std::string_view queue, std::optional<State> state, JobId after,
                                std::size_t most, std::uint32_t* slice) const {
  const Ledger& ledger = impl_->ledger;
  const std::uint32_t wanted = ledger.find_queue(queue);
  std::vector<JobView> views;
  if ((wanted == 0 && !queue.empty()) || most == 0) return views;
  if (state == State::failed && wanted == 0) {
    if (slice != nullptr) *slice = 0;
    for (auto id = ledger.dead.upper_bound(after); id != ledger.dead.end() && views.size() < most; ++id)
      views.push_back(impl_->view(*ledger.job(*id)));
    return views;
  }
  const Slot end = ledger.jobs.end();
  const Slot begin = slice == nullptr ? 0 : std::min(*slice, end);
  const Slot stop = slice == nullptr ? end : begin + std::min(end - begin, slice_slots);
  if (slice != nullptr) *slice = stop == end ? 0 : stop;
  std::vector<JobId> first;  // a heap of the smallest ids so far
  for (Slot slot = begin; slot < stop; ++slot) {
    const Job& job = ledger.jobs[slot];
    if (job.id <= after || ledger.is_ghost(job)) continue;
    if (state ? job.get_state() != *state : job.get_state() == State::failed) continue;
    if (wanted != 0 && ledger.queue_of(job).id != wanted) continue;
    if (first.size() == most) {
      if (job.id >= first.front()) continue;
      std::ranges::pop_heap(first);
      first.pop_back();
    }
    first.push_back(job.id);
    std::ranges::push_heap(first);
  }
  std::ranges::sort(first);
  for (JobId id : first) views.push_back(impl_->view(*ledger.job(id)));
  return views;
}

void Core::each_payload(const std::function<void(JobId, Place)>& each) const {
  impl_->ledger.for_each([&](Slot, const Job& job) { each(job.id, job.place()); });
}

std::vector<BatchView> Core::batches(BatchId after, std::size_t most) const {
  std::vector<BatchId> ids;
  for (const auto& [id, _] : impl_->ledger.batches) {
    if (id > after) ids.push_back(id);
  }
  std::ranges::sort(ids);
  if (ids.size() > most) ids.resize(most);
  std::vector<BatchView> views;
  for (BatchId id : ids) views.push_back(*batch(id));
  return views;
}

std::optional<BatchView> Core::batch(BatchId id) const {
  const BatchState* batch = impl_->ledger.find_batch(id);
  if (batch == nullptr) return std::nullopt;
  return BatchView{batch->id,     batch->name,   batch->all(), batch->opened_at,
                   batch->parent, batch->nested, batch->held,  batch->cancelled};
}

std::vector<WorkerView> Core::workers() const {
  std::vector<WorkerView> all;
  for (SessionId id : impl_->workers) {
    const Session& worker = impl_->sessions.at(id);
    const auto holder = impl_->ledger.holder_of.find(id);
    const std::uint32_t holds =
        holder == impl_->ledger.holder_of.end() ? 0 : impl_->ledger.holders[holder->second].holds;
    all.push_back(
        {&worker.info, id, holds, worker.connected, worker.last_heard, worker.succeeded, worker.failed});
  }
  return all;
}

std::vector<LimitView> Core::limits() const { return impl_->keys.limits(); }

void Core::declare_limits(Now now, std::vector<Limit> limits) {
  impl_->keys.declare(now, std::move(limits));
  impl_->dispatch_wanted = true;
}

std::optional<KeyWait> Core::key_wait(Now now, JobId id) const {
  const Job* job = impl_->ledger.job(id);
  return job == nullptr ? std::nullopt : impl_->keys.wait_of(now, *job);
}

std::uint64_t Core::ahead_of(JobId id, std::uint64_t most) const {
  const Ledger& ledger = impl_->ledger;
  const Job* job = ledger.job(id);
  if (job == nullptr || job->get_state() != State::ready) return 0;
  const Line& mine = ledger.lines[job->line];
  const std::uint32_t own = ledger.lines[mine.base].handler;
  const bool fair = ledger.queues[mine.queue].options.fair;
  // In a queue that is fair only those of its own party go before it: the others take turns with them.
  const auto party = [&](const Job& one) {
    const Extra* extra = fair ? ledger.extra(one) : nullptr;
    return extra == nullptr ? std::string_view() : outermost(ledger.keys.name(extra->key));
  };
  std::uint64_t ahead = 0;
  std::uint64_t seen = 0;
  for (const Line& line : ledger.lines) {
    const bool lane = line.base != 0 && &ledger.lines[line.base] != &line;
    if (line.queue != mine.queue || line.priority > mine.priority ||
        (lane && line.open == 0 && &line != &mine))
      continue;
    const std::uint32_t handler = ledger.lines[line.base].handler;
    if (handler != own && !impl_->has_worker(mine.queue, handler)) continue;  // holds up nobody
    for (Slot slot = line.head; slot != no_slot && seen < most; slot = ledger.jobs[slot].next, ++seen) {
      const bool first = before(ledger.jobs[slot].order_or_holder, job->order_or_holder);
      if (line.priority == mine.priority && !first) break;
      if (party(ledger.jobs[slot]) == party(*job)) ++ahead;
    }
  }
  return ahead;
}

bool Core::has_worker(std::string_view queue, std::string_view handler) const {
  const std::uint32_t id = impl_->ledger.find_queue(queue);
  const std::uint32_t number = impl_->ledger.handlers.find(handler);
  return id != 0 && number != 0 && impl_->has_worker(id, number);
}

}  // namespace joinery::broker
