// Lanes: the ready jobs of one key apart from their line, so that a key that may not start anything holds
// back no others. A job gets into a lane only when it has come to the head of its line and may not start,
// behind others of its key that did, or if its queue is fair; so whoever has no key, or no limit, never meets
// one.
#include <algorithm>
#include <utility>

#include "broker/core/ledger.h"
#include "shared/base/check.h"

namespace joinery::broker {

std::uint32_t Ledger::find_lane(std::uint32_t line, std::uint32_t key) const {
  if (lane_by_key_.empty()) return 0;
  const auto found = lane_by_key_.find(std::uint64_t{line} << 32U | key);
  return found == lane_by_key_.end() ? 0 : found->second;
}

std::uint32_t Ledger::move_to_lane(Slot slot, std::uint32_t key) {
  Job& job = jobs[slot];
  const std::uint32_t base = job.line;
  JOINERY_CHECK(job.get_state() == State::ready && lines[base].base == base);
  detach(slot);
  const auto [entry, fresh] = lane_by_key_.try_emplace(std::uint64_t{base} << 32U | key, 0);
  if (fresh) {
    const Line& line = lines[base];
    const Line lane{
        .queue = line.queue, .handler = line.handler, .priority = line.priority, .base = base, .key = key};
    entry->second = new_line(lane);
  }
  Line& lane = lines[entry->second];
  const auto goes_before = [&](Slot other) {
    if (keeps_place(job) || keeps_place(jobs[other])) return keeps_place(job);
    return before(job.order_or_holder, jobs[other].order_or_holder);
  };
  Slot previous = lane.tail;
  if (previous != no_slot && goes_before(previous)) {
    // They come in order, so that the next one mostly belongs behind the last one.
    previous = lane.hint != no_slot && !goes_before(lane.head) ? lane.hint : no_slot;
    while (previous != no_slot && goes_before(previous)) previous = jobs[previous].previous;
    for (Slot next = previous == no_slot ? lane.head : jobs[previous].next; !goes_before(next);
         next = jobs[next].next) {
      previous = next;
    }
  }
  job.previous = previous;
  job.next = previous == no_slot ? lane.head : jobs[previous].next;
  (job.previous == no_slot ? lane.head : jobs[job.previous].next) = slot;
  (job.next == no_slot ? lane.tail : jobs[job.next].previous) = slot;
  lane.hint = slot;
  job.line = entry->second;
  return entry->second;
}

void Ledger::set_open(std::uint32_t number, bool open) {
  Line& lane = lines[number];
  if ((lane.open != 0) == open) return;
  Line& line = lines[lane.base];
  if (open) {
    if (!offers(line)) queues[line.queue].levels[line.priority].push_back(lane.base);
    ++line.open;
    lane.open = 1;
  } else {
    lane.open = 0;
    --line.open;
    if (!offers(line)) close_line(line);
  }
}

// The job was unlinked; it belongs to its line again, and an empty lane is given up.
void Ledger::leave_lane(Slot slot) {
  Job& job = jobs[slot];
  const std::uint32_t number = job.line;
  Line& lane = lines[number];
  job.line = lane.base;
  if (lane.hint == slot) lane.hint = no_slot;
  if (lane.head != no_slot) return;
  set_open(number, false);
  if (lane.woken != 0) lost_wakes.push_back(lane.woken - 1);
  lane_by_key_.erase(std::uint64_t{lane.base} << 32U | lane.key);
  ++lane.serial;
  free_lines_.push_back(number);
}

void Ledger::close_line(const Line& line) {
  auto& levels = queues[line.queue].levels;
  const auto level = levels.find(line.priority);
  std::erase(level->second, line.base);
  if (level->second.empty() && line.priority != 0) levels.erase(level);
}

void Ledger::forget_nodes(Wall now, Duration age) {
  std::erase_if(held_nodes,
                [&](const auto& held) { return held.second.at + age < now && held.second.until < now; });
}

// An ordered job that was begun goes before the others of its key: they wait for it, whatever the order of
// the queue says.
bool Ledger::keeps_place(const Job& job) const {
  return job.has(flag_begun) && job.extra != no_slot && extras[job.extra].key != 0 &&
         specs[job.spec].spec.ordered;
}

// The delivery ended, or the job did.
void Ledger::let_go(const Job& job, bool runs_again, bool died, Fallout& fallout) {
  if (job.extra == no_slot || extras[job.extra].grip == 0) return;
  const std::uint32_t grip = std::exchange(extras[job.extra].grip, 0U);
  fallout.grips.push_back({grip, runs_again && specs[job.spec].spec.ordered ? job.id : 0, died});
}

}  // namespace joinery::broker
