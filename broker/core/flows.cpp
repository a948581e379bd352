// A flow: the groups of one frame, in a batch of their own, all accepted or none. So it is planned as a
// whole, with the ids that its jobs will have, before anything of it is put.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "broker/core/impl.h"
#include "shared/base/check.h"

namespace joinery::broker {

struct Core::Impl::FlowPlan {
  struct Step {
    PutGroup group;
    JobId existing = 0;  // has its unique key, and is the answer
  };
  using Key = std::tuple<UniqueScope, std::string_view, std::string_view>;
  // The queue counts only for keys of that scope; the batch is that of all.
  static Key key(UniqueScope scope, std::string_view queue, std::string_view name) {
    return {scope, scope == UniqueScope::queue ? queue : std::string_view(), name};
  }

  BatchId batch = 0;
  BatchId parent = 0;
  JobId next = 0;  // what is put next
  std::vector<Step> steps;
  std::vector<JobId> frame;                        // ids of the jobs of all steps
  std::map<std::string_view, std::uint64_t> puts;  // by queue
  std::map<Key, JobId> claims;
};

// As that of a group alone, and with the jobs of the flow that are not there yet.
Result<JobId> Core::Impl::find_conflict(const FlowPlan& plan, const PutGroup& group,
                                        std::uint32_t queue) const {
  if (group.columns == nullptr) return 0;
  const Unique& unique = ledger.specs[group.spec].spec.unique;
  for (const std::string& key : group.columns->unique_key) {
    const auto claim = plan.claims.find(FlowPlan::key(unique.scope, group.queue, key));
    if (key.empty() || claim == plan.claims.end()) continue;
    if (unique.on_conflict == OnConflict::ignore) return claim->second;
    return fail(Code::duplicate_job, fmt::format("another job of the flow has the unique_key {}", key),
                "columns.unique_key");
  }
  return find_conflict(group, queue);
}

std::optional<Error> Core::Impl::plan(FlowPlan& plan, PutGroup group) {
  if (group.batch != 0)
    return Error{Code::invalid_argument,
                 fmt::format("batch is {}, expected 0: a flow has its own", group.batch), "batch"};
  group.batch = plan.batch;
  if (auto error = check_content(group)) return error;
  if (auto error = check_together(group)) return error;
  if (auto error = check_times(now_, group)) return error;
  group.batch = plan.parent;  // its own is not there yet, but those around it are
  if (auto error = resolve_after(group, plan.frame, plan.next)) return error;
  group.batch = plan.batch;
  const std::uint32_t queue = ledger.find_queue(group.queue);
  const Result<JobId> existing = find_conflict(plan, group, queue);
  if (!existing) return existing.error();
  const std::size_t number = group.sizes.size();
  const JobId first = *existing != 0 ? *existing : plan.next;
  for (std::size_t i = 0; i < number; ++i) plan.frame.push_back(first + i);
  plan.steps.push_back({group, *existing});
  if (*existing != 0) return std::nullopt;
  plan.next += number;
  const UniqueScope scope = ledger.specs[group.spec].spec.unique.scope;
  for (std::size_t i = 0; group.columns != nullptr && i < group.columns->unique_key.size(); ++i) {
    const std::string& key = group.columns->unique_key[i];
    if (!key.empty()) plan.claims.emplace(FlowPlan::key(scope, group.queue, key), first + i);
  }
  return check_room(queue, group.queue, plan.puts[group.queue] += number);
}

Result<BatchId> Core::Impl::put_flow(Now now, const Submit& command, std::vector<GroupAnswer>& answers,
                                     Effects& effects) {
  if (!command.flow->empty()) {
    if (auto name = validate_name(*command.flow, "options.flow"); !name) return std::unexpected(name.error());
  }
  // Of a delivery it is a part of the delivery's batch, which is not finished before it.
  const BatchState* outer =
      command.under.job == 0 ? nullptr : around_flow(ledger.job(command.under.job)->batch);
  FlowPlan planned{.batch = ledger.next_batch,
                   .parent = outer == nullptr ? 0 : outer->id,
                   .next = ledger.next_job,
                   .steps = {},
                   .frame = {},
                   .puts = {},
                   .claims = {}};
  for (std::size_t i = 0; i < command.groups.size(); ++i) {
    PutGroup group = command.groups[i];
    if (group.parent == 0) group.parent = command.under.job;
    if (auto error = plan(planned, group)) {
      error->field = fmt::format("groups[{}].{}", i, error->field);
      return std::unexpected(std::move(*error));
    }
  }
  record(change::OpenBatch{planned.batch, std::string(*command.flow), now.wall, planned.parent, false},
         effects);
  std::size_t answered = 0;
  for (std::uint32_t i = 0; i < planned.steps.size(); ++i) {
    const auto& [group, existing] = planned.steps[i];
    const std::uint32_t queue = need_queue(group.queue, effects);
    const Durability level = ledger.queues[queue].options.durability;
    if (existing == 0) replace_claimants(now, group, queue, effects);
    const JobId first = existing != 0 ? existing : put(now, group, queue, i, false, effects);
    JOINERY_CHECK(first == planned.frame[answered]);  // to which those that come after were resolved
    answered += group.sizes.size();
    answers.push_back({.first = first,
                       .count = static_cast<std::uint32_t>(group.sizes.size()),
                       .level = level,
                       .error = {},
                       .no_handler = existing == 0 && !has_worker(queue, ledger.specs[group.spec].handler),
                       .existing = existing != 0});
  }
  return planned.batch;
}

}  // namespace joinery::broker
