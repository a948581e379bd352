#include "broker/journal/segment_scan.h"

namespace joinery::broker::journal {
namespace {
constexpr std::uint64_t bytes_per_call = std::uint64_t{4} << 20U;
}

std::vector<Journal::Candidate> SegmentScan::next(std::size_t most) {
  std::vector<Journal::Candidate> candidates;
  const Position stop = stream_.position() + bytes_per_call;
  while (candidates.size() < most) {
    if (at_ < found_.size()) {
      candidates.push_back(found_[at_++]);
    } else if (finished_ || stream_.position() >= stop) {
      break;
    } else {
      read_record();
    }
  }
  return candidates;
}

void SegmentScan::read_record() {
  found_.clear();
  at_ = 0;
  const auto record = stream_.next();
  if (!record || *record == nullptr) {
    // Past what is damaged: the jobs behind it can be moved all the same.
    const auto more = record ? stream_.seek(0) : Result<bool>(false);
    finished_ = !more.value_or(false);
    return;
  }
  if ((*record)->header.kind == RecordKind::seal) {
    finished_ = true;
    return;
  }
  Position payload = (*record)->payloads_at();
  const auto add = [&](JobId job, std::uint32_t size) {
    if (size > 0) found_.push_back({job, {payload, size}});
    payload += size;
  };
  decoder_.reset((*record)->changes);
  while (const Change* change = decoder_.next()) {
    if (const auto* put = std::get_if<change::Put>(change)) {
      for (std::uint32_t i = 0; i < put->count; ++i) add(put->first + i, put->sizes[i]);
    } else if (const auto* move = std::get_if<change::Move>(change)) {
      add(move->job, move->size);
    }
  }
}

}  // namespace joinery::broker::journal
