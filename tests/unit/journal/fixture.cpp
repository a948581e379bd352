#include "tests/unit/journal/fixture.h"

#include <fmt/format.h>

#include <sstream>

namespace joinery::broker::testing {

JournalOptions small_options() {
  JournalOptions options;
  options.segment_bytes = 4096;
  options.record_bytes_max = 4096;
  options.checkpoint_bytes = 16384;
  options.tail_bytes = 0;
  options.own_thread = false;
  return options;
}

Result<> Told::checkpoint(Bytes state) {
  std::istringstream in{std::string(state)};
  JobId job = 0;
  Place place;
  while (in >> job >> place.position >> place.size) places[job] = place;
  lines.push_back(fmt::format("checkpoint of {} jobs", places.size()));
  return {};
}

Result<> Told::change(const Change& change, std::uint64_t position) {
  if (const auto* put = std::get_if<change::Put>(&change)) {
    lines.push_back(fmt::format("put {}+{}", put->first, put->count));
    for (std::uint32_t i = 0; i < put->count; ++i) {
      places[put->first + i] = {position, put->sizes[i]};
      position += put->sizes[i];
    }
  } else if (const auto* finish = std::get_if<change::Finish>(&change)) {
    for (const Run& run : finish->runs) {
      lines.push_back(fmt::format("finish {}+{}", run.first, run.count));
      for (std::uint32_t i = 0; i < run.count; ++i) places.erase(run.first + i);
    }
  } else if (const auto* move = std::get_if<change::Move>(&change)) {
    lines.push_back(fmt::format("move {}", move->job));
    places[move->job] = {position, move->size};
  } else if (const auto* begun = std::get_if<change::Epoch>(&change)) {
    epoch = begun->epoch;
  }
  return {};
}

Log::Log(const FakeDisk& disk, const JournalOptions& options) : Log(disk.mount(), options) {}

Log::Log(std::unique_ptr<journal::Directory> directory, const JournalOptions& options) {
  auto opened = journal::open_journal_in(std::move(directory), options, told_,
                                         [this](const Error& reason) { fatal_ = reason; });
  if (!opened) {
    error_ = opened.error();
    return;
  }
  journal_ = std::move(*opened);
  for (const auto& [job, place] : told_.places) journal_->retain(place);
  if (!told_.places.empty()) next_ = told_.places.rbegin()->first + 1;
}

JobId Log::put(const std::vector<std::string>& payloads) {
  const std::vector<Bytes> bytes(payloads.begin(), payloads.end());
  std::vector<std::uint32_t> sizes;
  for (const auto& payload : payloads) sizes.push_back(static_cast<std::uint32_t>(payload.size()));
  change::Put put;
  put.first = next_;
  put.count = static_cast<std::uint32_t>(sizes.size());
  put.sizes = sizes;
  const Change change = put;
  const std::span<const Bytes> group = bytes;
  const auto appended = journal_->append({&change, 1}, {&group, 1});
  std::uint64_t position = appended.puts.front().position;
  for (std::uint32_t i = 0; i < put.count; ++i) {
    told_.places[next_++] = {position, sizes[i]};
    position += sizes[i];
  }
  return put.first;
}

void Log::finish(JobId job) {
  change::Finish finish;
  finish.runs = {{job, 1, 1, 1}};
  const Change change = finish;
  journal_->append({&change, 1}, {});
  journal_->release(told_.places.at(job));
  told_.places.erase(job);
}

void Log::move(const Journal::Candidate& candidate) {
  const auto found = told_.places.find(candidate.job);
  if (found == told_.places.end() || !(found->second == candidate.place)) return;
  Buffer payload;
  if (!journal_->read(candidate.place, payload)) return;
  const Change change = change::Move{candidate.job, candidate.place.size};
  const Bytes bytes = payload;
  const std::span<const Bytes> group(&bytes, 1);
  const auto appended = journal_->append({&change, 1}, {&group, 1});
  journal_->release(candidate.place);
  found->second.position = appended.puts.front().position;
}

JobId Log::put_durably(const std::vector<std::string>& payloads) {
  const JobId first = put(payloads);
  journal_->commit(true);
  return first;
}

void Log::checkpoint() {
  journal_->checkpoint([this](const std::function<void(Bytes)>& write) {
    for (const auto& [job, place] : told_.places) {
      write(fmt::format("{} {} {}\n", job, place.position, place.size));
    }
  });
  journal_->commit(false);  // takes note that it is done
}

std::string Log::payload(JobId job) {
  Buffer out;
  const auto done = journal_->read(told_.places.at(job), out);
  return done ? out : std::string(word(done.error().code));
}

JournalReport check(const FakeDisk& disk) {
  Told told;
  auto report = journal::check_journal_in(*disk.mount(), told);
  EXPECT_TRUE(report) << report.error().message;
  return report.value_or(JournalReport{});
}

Repaired::Repaired(std::shared_ptr<journal::Directory> directory)
    : repair(journal::repair_journal_in(directory, kept, given_up, [](const JournalRepair& found) {
        RepairEnd end;
        if (!found.end.empty()) end.changes.emplace_back(change::Epoch{.epoch = 7});
        change::Finish finish;
        for (const JobId lost : found.without_payload) finish.runs.push_back({lost, 1, 1, 1});
        if (!finish.runs.empty()) end.changes.emplace_back(std::move(finish));
        end.report = "given up";
        for (const JournalDamage& damage : found.damages) end.report += "; " + damage.place;
        return end;
      })) {}

}  // namespace joinery::broker::testing
