// A small language for journals in tests: jobs are put, finished and moved by number; what recovery is told
// becomes lines of text.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/open_journal.h"
#include "broker/journal/storage.h"
#include "tests/support/fake_disk/fake_disk.h"

namespace joinery::broker::testing {

using joinery::testing::FakeDisk;

// Small segments, nothing in the background.
JournalOptions small_options();

// What recovery was told.
struct Told : Recovery {
  std::vector<std::string> lines;  // "put 1+3", "finish 1+1", "checkpoint ..."
  std::map<JobId, Place> places;   // of jobs that are not finished
  std::uint32_t epoch = 0;
  Opened found;

  Result<> checkpoint(Bytes state) override;
  Result<> change(const Change& change, std::uint64_t position) override;
  void each_payload(const std::function<void(JobId, Place)>& each) const override {
    for (const auto& [job, place] : places) each(job, place);
  }
  void opened(const Opened& opened) override { found = opened; }
};

// A journal and what a core would know of it.
class Log {
 public:
  // Opens the journal on the disk; on failure error() says why.
  explicit Log(const FakeDisk& disk, const JournalOptions& options = small_options());
  Log(std::unique_ptr<journal::Directory> directory, const JournalOptions& options);

  bool is_open() const { return journal_ != nullptr; }
  const Error& error() const { return error_; }
  const Error& fatal() const { return fatal_; }
  const Told& told() const { return told_; }
  Journal& operator*() { return *journal_; }
  Journal* operator->() { return journal_.get(); }

  // Each is one record, appended only; the first job is the next number.
  JobId put(const std::vector<std::string>& payloads);
  void finish(JobId job);
  void move(const Journal::Candidate& candidate);
  // put and commit(true).
  JobId put_durably(const std::vector<std::string>& payloads);
  // The state: the places of the jobs.
  void checkpoint();
  // The payload of a job, or the word of the error.
  std::string payload(JobId job);
  const std::map<JobId, Place>& places() const { return told_.places; }

 private:
  Told told_;
  Error error_{Code::ok, "", ""};
  Error fatal_{Code::ok, "", ""};
  JobId next_ = 1;
  std::unique_ptr<Journal> journal_;
};

// What is found by who changes nothing.
JournalReport check(const FakeDisk& disk);

// Repairs the journal on the disk: behind a cut begins an epoch, and jobs whose payloads are gone end. What
// it reports is "given up", and the places of the damage.
struct Repaired {
  Told kept, given_up;
  Result<JournalRepair> repair;
  explicit Repaired(const FakeDisk& disk) : Repaired(disk.mount()) {}
  explicit Repaired(std::shared_ptr<journal::Directory> directory);
};

// Three records, each durable by itself, and their ends.
struct Small {
  FakeDisk disk;
  std::vector<std::string> lines;
  std::vector<Position> ends;

  // clean: stopped in order; else as a dead process leaves it.
  explicit Small(bool clean) {
    const FakeDisk written;
    {
      Log log(written);
      for (const auto& payloads : {std::vector<std::string>{"a", "bcd"}, {"0123456789"}}) {
        log.put(payloads);
        log->commit(true);
        ends.push_back(log->end());
      }
      log.finish(1);
      log->commit(true);
      ends.push_back(log->end());
      if (!clean) disk = written.after_kill();
    }
    if (clean) disk = written.after_kill();
    lines = {"put 1+2", "put 3+1", "finish 1+1"};
  }
};

}  // namespace joinery::broker::testing
