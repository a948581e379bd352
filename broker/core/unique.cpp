// Unique keys: the claims, what a put of a claimed key comes to, and how claims end.
#include "broker/core/unique.h"

#include <fmt/format.h>

#include <set>

#include "broker/core/impl.h"

namespace joinery::broker {

const Claim* Claims::find(const ClaimKey& key, Wall now) const {
  const auto found = claims_.find(key);
  return found == claims_.end() || found->second.until <= now ? nullptr : &found->second;
}

void Claims::take(const ClaimKey& key, const Claim& claim) {
  const auto [entry, fresh] = claims_.try_emplace(key);
  if (!fresh && entry->second.until != never_wall) forget_time(key, entry->second.until);
  entry->second = claim;
  if (claim.until != never_wall) timed_.emplace(claim.until, key);
}

void Claims::free(const ClaimKey& key, JobId job) {
  const auto found = claims_.find(key);
  if (found != claims_.end() && found->second.job == job && found->second.until == never_wall)
    claims_.erase(found);
}

bool Claims::take_expired(Wall now, ClaimKey& key) {
  if (timed_.empty() || timed_.begin()->first > now) return false;
  key = timed_.begin()->second;
  timed_.erase(timed_.begin());
  claims_.erase(key);
  return true;
}

void Claims::forget_time(const ClaimKey& key, Wall until) {
  for (auto [at, end] = timed_.equal_range(until); at != end; ++at) {
    if (at->second == key) return void(timed_.erase(at));
  }
}

// --- in the ledger ---

// At the put. A claim for a time has a use of the name of its own, since it may outlive the job.
void Ledger::claim(Job& job, std::string_view name, Wall at) {
  const Unique& unique = specs[job.spec].spec.unique;
  const std::uint32_t number = keys.add(name);
  const ClaimKey key{ClaimKey::scope_of(unique.scope, queue_of(job).id, job.batch), number};
  if (unique.until != UniqueUntil::time) {
    need_extra(job).unique = number;
    return claims.take(key, {.job = job.id});
  }
  const Claim* before = claims.find(key, Wall::min());
  if (before != nullptr && before->until != never_wall) keys.remove(number);  // takes its place
  claims.take(key, {.job = job.id, .until = at + std::chrono::milliseconds(unique.ttl_ms)});
}

void Ledger::free_claim(Job& job) {
  if (job.extra == no_slot || extras[job.extra].unique == 0) return;
  const std::uint32_t number = std::exchange(extras[job.extra].unique, 0);
  const UniqueScope scope = specs[job.spec].spec.unique.scope;
  claims.free({ClaimKey::scope_of(scope, queue_of(job).id, job.batch), number}, job.id);
  keys.remove(number);
}

// Not a change: time ends them again after a restart.
void Ledger::expire_claims(Wall now) {
  for (ClaimKey key; claims.take_expired(now, key);) keys.remove(key.key);
}

void Ledger::restore_claim(std::uint64_t scope, std::string_view name, const Claim& claim) {
  claims.take({scope, keys.add(name)}, claim);
}

// --- decisions ---

// Null: the key is free, or claimed by nobody that counts.
const Claim* Core::Impl::claim_of(const PutGroup& group, std::uint32_t queue, std::string_view key) const {
  const std::uint32_t number = ledger.keys.find(key);
  if (number == 0) return nullptr;
  const UniqueScope scope = ledger.specs[group.spec].spec.unique.scope;
  const Claim* claim = ledger.claims.find({ClaimKey::scope_of(scope, queue, group.batch), number}, now_.wall);
  const Job* job = claim == nullptr ? nullptr : ledger.job(claim->job);
  const bool gone = job != nullptr && claim->until == never_wall && ledger.is_ghost(*job);
  return gone ? nullptr : claim;
}

std::optional<Error> Core::Impl::check_unique(const PutGroup& group) const {
  const Unique& unique = ledger.specs[group.spec].spec.unique;
  std::set<std::string_view> seen;
  for (const std::string& key : group.columns->unique_key) {
    if (key.empty()) continue;
    if (unique.on_conflict != OnConflict::refuse && group.sizes.size() != 1) {
      return Error{Code::invalid_argument,
                   fmt::format("spec.unique.on_conflict is {}, expected groups of one job with that",
                               word(unique.on_conflict)),
                   "spec.unique.on_conflict"};
    }
    if (unique.scope == UniqueScope::batch && group.batch == 0) {
      return Error{Code::invalid_argument, "spec.unique.scope is batch, expected a batch with that",
                   "spec.unique.scope"};
    }
    if (!seen.insert(key).second) {
      return Error{Code::duplicate_job, fmt::format("the group has two jobs with unique_key {}", key),
                   "columns.unique_key"};
    }
  }
  return std::nullopt;
}

// What a group that was checked comes to: an error; 0: it can be put, once those that it replaces have ended;
// else the job that is there already.
Result<JobId> Core::Impl::find_conflict(const PutGroup& group, std::uint32_t queue) const {
  if (group.columns == nullptr) return 0;
  const OnConflict on_conflict = ledger.specs[group.spec].spec.unique.on_conflict;
  for (const std::string& key : group.columns->unique_key) {
    const Claim* claim = key.empty() ? nullptr : claim_of(group, queue, key);
    if (claim == nullptr) continue;
    const JobId holder = claim->job;
    const Job* job = ledger.job(holder);
    if (on_conflict == OnConflict::ignore) return holder;
    const bool runs = job != nullptr && job->get_state() == State::running;
    const bool fresh = holder >= first_new_;  // its payload has no place yet, so that it cannot end
    if (on_conflict == OnConflict::replace && !runs && !fresh) continue;
    const char* but = on_conflict == OnConflict::refuse ? "" : runs ? ", and runs" : ", in the same frame";
    return fail(Code::duplicate_job, fmt::format("job {} has the unique_key {}{}", holder, key, but),
                "columns.unique_key");
  }
  return 0;
}

void Core::Impl::replace_claimants(Now now, const PutGroup& group, std::uint32_t queue, Effects& effects) {
  if (group.columns == nullptr) return;
  for (const std::string& key : group.columns->unique_key) {
    const Claim* claim = key.empty() ? nullptr : claim_of(group, queue, key);
    const Job* job = claim == nullptr ? nullptr : ledger.job(claim->job);
    if (job == nullptr) continue;
    if (job->get_state() == State::failed) {
      record(change::Drop{job->id, 1, now.wall}, effects);
    } else {
      cancel(now, {job->id}, Duration{}, effects, "another job took its unique key");
    }
  }
}

Result<JobId> Core::Impl::settle_conflicts(Now now, const PutGroup& group, std::uint32_t queue,
                                           Effects& effects) {
  Result<JobId> existing = find_conflict(group, queue);
  if (existing && *existing == 0) replace_claimants(now, group, queue, effects);
  return existing;
}

}  // namespace joinery::broker
