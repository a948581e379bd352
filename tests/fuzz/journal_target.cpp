// The fuzzed journal: bytes become its only segment.
#include <cstring>

#include "broker/journal/format.h"
#include "broker/journal/open_journal.h"
#include "shared/base/check.h"
#include "targets.h"
#include "tests/support/fake_disk/fake_disk.h"

namespace joinery::fuzz {
namespace {

using namespace broker;
using testing::FakeDisk;

constexpr std::uint64_t segment_bytes = 4096;

// Always the same id, so that a corpus keeps its sums.
journal::Meta meta() {
  journal::Meta meta;
  meta.segment_bytes = segment_bytes;
  meta.id.fill('f');
  return meta;
}

FakeDisk disk_with(Bytes segment) {
  const FakeDisk disk;
  disk.put("meta", journal::encode_meta(meta()));
  if (!segment.empty()) disk.put(journal::segment_name(0), segment);
  return disk;
}

class Ignoring : public Recovery {
 public:
  Result<> checkpoint(Bytes) override { return {}; }
  Result<> change(const Change&, std::uint64_t) override { return {}; }
};

Result<std::unique_ptr<Journal>> open(const FakeDisk& disk) {
  JournalOptions options;
  options.segment_bytes = segment_bytes;
  options.record_bytes_max = 4096;
  options.own_thread = false;
  Ignoring ignoring;
  return journal::open_journal_in(disk.mount(), options, ignoring, [](const Error&) {});
}

// As if whoever wrote the bytes had meant them.
void make_sums_right(Buffer& segment) {
  const journal::Format format(meta());
  std::uint32_t previous = 0;
  std::uint64_t sequence = 1;
  for (std::size_t at = 0; at + journal::record_header_size <= segment.size();) {
    journal::RecordHeader header = journal::read_header(segment.data() + at);
    const std::size_t whole = journal::record_size(header.size);
    if (whole > segment.size() - at) return;
    header.previous = previous;
    header.sequence = sequence++;
    header.zero = 0;
    format.finish_record(segment.data() + at, header, at);
    previous = header.crc;
    at += whole;
  }
}

}  // namespace

void feed_journal(Bytes bytes) {
  if (bytes.empty()) return;
  Buffer segment(bytes.substr(1, segment_bytes));
  if (bytes.front() % 2 == 1) make_sums_right(segment);
  const FakeDisk disk = disk_with(segment);
  Ignoring ignoring, given_up;
  const auto report = journal::check_journal_in(*disk.mount(), ignoring);
  JOINERY_CHECK(report);
  const bool opens = open(disk.after_kill()).has_value();
  JOINERY_CHECK(opens == report->damage.empty());
  if (opens) {
    JOINERY_CHECK(open(disk));
    JOINERY_CHECK(open(disk));
    return;
  }
  const auto repaired =
      journal::repair_journal_in(disk.mount(), ignoring, given_up, [](const auto&) { return RepairEnd{}; });
  if (repaired) {
    JOINERY_CHECK(open(disk));
  } else {
    JOINERY_CHECK(repaired.error().code == Code::journal_corrupt && report->damages.empty());
  }
}

std::vector<Buffer> journal_corpus() {
  std::vector<Buffer> all;
  const FakeDisk disk = disk_with({});
  {
    auto journal = open(disk);
    const std::vector<std::uint32_t> sizes{3, 5};
    change::Put put;
    put.first = 1;
    put.count = 2;
    put.sizes = sizes;
    change::Finish finish;
    finish.runs = {{1, 1, 1, 1}};
    const std::vector<Bytes> payloads{"one", "three"};
    const std::span<const Bytes> group = payloads;
    const Change changes[] = {change::Epoch{.epoch = 1}, put, finish};
    (*journal)->append({changes, 2}, {&group, 1});
    (*journal)->commit(true);
    (*journal)->append({changes + 2, 1}, {});
    (*journal)->commit(true);
    const Buffer used = disk.contents(journal::segment_name(0));
    for (const char first : {'\0', '\1'}) all.push_back(Buffer(1, first) + used.substr(0, 400));
  }
  return all;
}

}  // namespace joinery::fuzz
