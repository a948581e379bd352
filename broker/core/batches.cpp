// Batches: when they are finished, nested ones, and cancelling all of one at once.
#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

// --- in the ledger ---

// The counter of a batch's jobs that wait in a queue; null for other states.
std::uint64_t* Ledger::share(BatchState& batch, std::uint32_t queue, State state) {
  if (state != State::ready && state != State::scheduled && state != State::blocked) return nullptr;
  BatchState::Share* part = batch.share_of(queue);
  return state == State::ready ? &part->ready : state == State::blocked ? &part->blocked : &part->scheduled;
}

// A search among few, a look-up among many.
BatchState::Share* BatchState::share_of(std::uint32_t queue) {
  constexpr std::size_t few = 8;
  if (shares.size() <= few) {
    const auto known = std::ranges::find(shares, queue, &Share::queue);
    if (known != shares.end()) return &*known;
  } else if (const auto known = share_at.find(queue); known != share_at.end()) {
    return &shares[known->second];
  }
  shares.push_back({.queue = queue});
  if (shares.size() > few) {
    for (auto at = static_cast<std::uint32_t>(share_at.size()); at < shares.size(); ++at)
      share_at.emplace(shares[at].queue, at);
  }
  return &shares.back();
}

// With those in it.
Counts BatchState::all() const {
  Counts sum = counts;
  for (const auto count :
       {&Counts::parked, &Counts::scheduled, &Counts::blocked, &Counts::ready, &Counts::running,
        &Counts::succeeded, &Counts::failed, &Counts::cancelled, &Counts::expired})
    sum.*count += inner.*count;
  return sum;
}

std::size_t BatchState::depth() const {
  std::size_t depth = 1;
  for (const BatchState* in = outer; in != nullptr; in = in->outer) ++depth;
  return depth;
}

// Something of it is unfinished again, or for the first time.
void Ledger::begin(BatchState& batch) {
  batch.busy = true;
  batch.ended = false;
  if (batch.settled != 0) settled_.erase(std::exchange(batch.settled, 0));
  BatchState* parent = batch.outer;
  if (parent == nullptr) return;
  ++parent->nested;
  if (std::exchange(batch.spoils, false)) --parent->spoiled;
  if (!parent->busy) begin(*parent);
  if (parent->settled != 0) settled_.erase(std::exchange(parent->settled, 0));
}

void Ledger::settled(BatchState& batch, Fallout& fallout) {
  if (!batch.finished() || batch.counts.parked != 0) return;
  if (std::exchange(batch.busy, false)) {
    batch.ended = true;
    fallout.batches_done.push_back(batch.id);
    const bool good = batch.all_succeeded();
    resolve(true, batch.id, good, fallout);
    if (batch.outer != nullptr) {
      --batch.outer->nested;
      batch.spoils = !good;
      batch.outer->spoiled += good ? 0 : 1;
      settled(*batch.outer, fallout);
    }
  }
  if (batch.settled != 0 || batch.ghosts != 0 || dependents.of_batch(batch.id)) return;
  batch.settled = ++stamp_;
  settled_.emplace(batch.settled, batch.id);
  if (settled_.size() <= batches_kept_) return;
  forget_batch(settled_.begin()->second);
  settled_.erase(settled_.begin());
}

void Ledger::forget_batch(BatchId id) {
  const BatchState& batch = batches.at(id);
  if (batch.outer != nullptr) {
    std::vector<BatchId>& siblings = batch.outer->children;
    siblings.erase(std::ranges::lower_bound(siblings, id));
  }
  for (const BatchId child : batch.children) {
    if (const auto known = batches.find(child); known != batches.end()) known->second.outer = nullptr;
  }
  recent_batch_ = nullptr;
  batches.erase(id);
}

bool Ledger::on(const change::CloseBatch& change, Fallout& fallout, std::uint64_t) {
  BatchState* batch = find_batch(change.id);
  if (batch == nullptr || !std::exchange(batch->held, false)) return false;
  settled(*batch, fallout);
  return true;
}

// In as many steps as the batch has queues.
bool Ledger::on(const change::CancelBatch& change, Fallout& fallout, std::uint64_t) {
  BatchState* batch = find_batch(change.id);
  if (batch == nullptr || batch->cancelled) return false;
  if (!batch->busy && !batch->ended) begin(*batch);  // nothing will come any more: it ends now
  batch->cancelled = true;
  batch->held = false;
  for (const BatchState::Share& part : batch->take_shares()) {
    QueueState& queue = queues[part.queue];
    const std::uint64_t all = part.scheduled + part.blocked + part.ready;
    const auto cancel = [&](Counts& counts) {
      counts.scheduled -= part.scheduled;
      counts.blocked -= part.blocked;
      counts.ready -= part.ready;
      counts.cancelled += all;
    };
    cancel(queue.counts);
    cancel(totals);
    cancel(batch->counts);
    for (BatchState* in = batch->outer; in != nullptr; in = in->outer) cancel(in->inner);
    batch->ghosts += all;
    ghosts_ += all;
    if (queue.counts.unfinished() == 0) fallout.queues_done.push_back(queue.id);
    if (queue.parked_head != no_slot) fallout.room_in.push_back(queue.id);
  }
  settled(*batch, fallout);
  return true;
}

// A ghost is gone for good.
void Ledger::lay(const Job& ghost, Fallout& fallout) {
  BatchState& batch = *find_batch(ghost.batch);
  --ghosts_;
  if (--batch.ghosts == 0) settled(batch, fallout);
}

// --- decisions ---

Result<std::uint64_t> Core::Impl::verb(Now now, const OpenBatch& verb, Effects& effects) {
  if (!verb.name.empty()) {
    if (auto name = validate_name(verb.name, "name"); !name) return std::unexpected(name.error());
  }
  if (verb.parent != 0) {
    if (const auto error = check_parent(verb.parent)) return std::unexpected(*error);
  }
  const BatchId id = ledger.next_batch;
  record(change::OpenBatch{id, verb.name, now.wall, verb.parent, verb.held}, effects);
  return id;
}

Result<std::uint64_t> Core::Impl::verb(Now, const CloseBatch& verb, Effects& effects) {
  const BatchState* batch = ledger.find_batch(verb.batch);
  if (batch == nullptr)
    return fail(Code::unknown_batch, fmt::format("there is no batch {}", verb.batch), "batch");
  if (batch->held) record(change::CloseBatch{verb.batch}, effects);
  return 1;
}

// Whether jobs and batches may be added to it.
std::optional<Error> Core::Impl::check_batch(BatchId id, const char* field) const {
  const BatchState* batch = ledger.find_batch(id);
  if (batch == nullptr)
    return Error{Code::unknown_batch,
                 fmt::format("there is no batch {}, or it finished so long ago that it was forgotten", id),
                 field};
  if (batch->cancelled) return Error{Code::invalid_state, fmt::format("batch {} was cancelled", id), field};
  return std::nullopt;
}

std::optional<Error> Core::Impl::check_parent(BatchId id) const {
  if (auto error = check_batch(id, "parent")) return error;
  const std::size_t depth = ledger.find_batch(id)->depth();
  if (depth < BatchState::depth_max) return std::nullopt;
  return Error{Code::invalid_argument,
               fmt::format("parent is batch {}, which is in {} others, expected one that is in at most {}",
                           id, depth - 1, BatchState::depth_max - 2),
               "parent"};
}

// The batch that a flow of this batch's job is put in: this one. But if it is as deep as can be, the one that
// it is in itself, so that a flow whose last job submits the next one may go on for ever.
const BatchState* Core::Impl::around_flow(BatchId id) const {
  const BatchState* batch = ledger.find_batch(id);
  if (batch == nullptr) return nullptr;
  for (std::size_t depth = batch->depth(); depth >= BatchState::depth_max; --depth) batch = batch->outer;
  return batch;
}

// It and all that are nested in it, each behind the one that it is in.
std::vector<BatchId> Core::Impl::with_nested(BatchId id) const {
  std::vector<BatchId> all{id};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const BatchState* batch = ledger.find_batch(all[i]);
    if (batch != nullptr) all.insert(all.end(), batch->children.begin(), batch->children.end());
  }
  return all;
}

// With those in it. What waits is not looked at; what runs is told.
std::uint64_t Core::Impl::cancel_batch(Now now, BatchId id, Duration grace, Effects& effects) {
  const std::vector<BatchId> all = with_nested(id);
  const std::set<BatchId> members(all.begin(), all.end());
  std::vector<JobId> parked;
  std::vector<JobId> running;
  const auto gather = [&](Slot slot, std::vector<JobId>& out) {
    for (; slot != no_slot; slot = ledger.jobs[slot].next) {
      if (members.contains(ledger.jobs[slot].batch)) out.push_back(ledger.jobs[slot].id);
    }
  };
  for (const QueueState& queue : ledger.queues) gather(queue.parked_head, parked);
  for (const Holder& holder : ledger.holders) gather(holder.head, running);
  std::ranges::sort(parked);
  admit_jobs(parked, effects);  // their put is accepted, so that they are accounted for
  const std::uint64_t before = ledger.totals.cancelled;
  for (auto batch = all.rbegin(); batch != all.rend(); ++batch) {
    const BatchState* found = ledger.find_batch(*batch);
    if (found != nullptr && !found->cancelled) record(change::CancelBatch{*batch}, effects);
  }
  const std::uint64_t number = ledger.totals.cancelled - before;
  std::ranges::sort(running);
  return number + cancel(now, running, grace, effects);
}

// Ghosts go in pieces, so that nobody waits for a million of them.
void Core::Impl::sweep(Now now, Effects& effects) {
  constexpr std::size_t looked_at = 65'536;
  std::vector<JobId> ghosts;
  for (std::size_t n = 0; n < looked_at && ledger.ghosts() > ghosts.size(); ++n) {
    if (sweep_at_ >= ledger.jobs.end()) sweep_at_ = 0;
    const Job& job = ledger.jobs[sweep_at_++];
    if (job.id != 0 && ledger.is_ghost(job)) ghosts.push_back(job.id);
  }
  end(now, Outcome::cancelled, std::move(ghosts), effects);
}

// Ends the ghosts at the heads of these lines, as far as this tick may. False: some are left there.
bool Core::Impl::drop_ghosts(const std::vector<std::uint32_t>& lines, Effects& effects) {
  std::vector<JobId> ghosts;
  bool all = true;
  for (std::uint32_t line : lines) {
    for (Slot slot = ledger.lines[line].head; slot != no_slot; slot = ledger.jobs[slot].next) {
      if (!ledger.is_ghost(ledger.jobs[slot])) break;
      all = sweep_left_ != 0;
      if (!all) break;
      --sweep_left_;
      ghosts.push_back(ledger.jobs[slot].id);
    }
  }
  end(now_, Outcome::cancelled, std::move(ghosts), effects);
  return all;
}

bool Core::Impl::cancelled(BatchId id) const {
  const BatchState* batch = ledger.find_batch(id);
  return batch != nullptr && batch->cancelled;
}

}  // namespace joinery::broker
