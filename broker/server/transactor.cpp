#include "broker/server/transactor.h"

namespace joinery::broker::server {

void Transactor::start() {
  core_.start(now_, effects_);
  settle({}, {});
}

void Transactor::apply(const Command& command, Payloads payloads, const Outgoing::Aside& aside) {
  core_.apply(now_, command, effects_);
  settle(payloads, aside);
}

void Transactor::tick() {
  core_.tick(now_, effects_);
  settle({}, {});
}

void Transactor::settle(Payloads payloads, const Outgoing::Aside& aside) {
  // Without changes, an answer may still repeat one whose record is not durable yet: it waits for all so far.
  Position end = journal_.end();
  if (!effects_.changes.empty()) {
    const Appended appended = journal_.append(effects_.changes, payloads);
    end = appended.end;
    for (const PutPlace& put : appended.puts) core_.placed(put.first, put.count, put.position);
  }
  for (const Place& place : effects_.released) journal_.release(place);
  outgoing_.take(effects_.effects, end, aside);
  effects_.clear();
}

std::size_t Transactor::move(std::size_t most, bool busy) {
  const std::vector<Journal::Candidate> candidates = journal_.to_move(most, busy);
  for (const Journal::Candidate& candidate : candidates) {
    if (!core_.is_at(candidate.job, candidate.place)) continue;
    moved_.clear();
    if (!journal_.read(candidate.place, moved_)) continue;  // its delivery will say so
    const Bytes payload = moved_;
    const std::span<const Bytes> group(&payload, 1);
    const Change change = change::Move{candidate.job, candidate.place.size};
    const Appended appended = journal_.append(std::span(&change, 1), std::span(&group, 1));
    core_.moved(candidate.job, {appended.puts.front().position, candidate.place.size});
    journal_.release(candidate.place);
  }
  return candidates.size();
}

void Transactor::commit() {
  journal_.commit(outgoing_.waiting());
  if (!journal_.wants_checkpoint()) return;
  journal_.checkpoint([this](const std::function<void(Bytes)>& write) { core_.save(write); });
}

}  // namespace joinery::broker::server
