// A disk in memory for the journal, which forgets what was not synced, tears writes, fails and fills up when
// it is told to.
//
// What it does not imitate: the time that anything takes; sectors that go bad while nobody writes them (flip
// does, when called); a disk that lies about its syncs (lose_syncs does, always); names that survive a crash
// out of order (here it is always the first so many changes); permissions; files that are opened under two
// names; a forked child's writes (it has its own memory).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/storage.h"

namespace joinery::testing {

// A handle: copies are the same disk. Threads: any.
class FakeDisk {
 public:
  FakeDisk();

  // The disk as a program sees it. Its lock is released when it is destroyed.
  std::unique_ptr<broker::journal::Directory> mount() const;

  // Another disk, as the power failing now could leave this one: everything synced, and what else the seed
  // says, in sectors of 512 bytes.
  FakeDisk after_power_failure(std::uint64_t seed) const;
  // Another disk, as it is found when only the program died: everything written is there.
  FakeDisk after_kill() const;

  void set_capacity(std::uint64_t bytes) const;
  // From now on these fail with io_error.
  void fail_writes(bool fail) const;
  void fail_syncs(bool fail) const;
  void fail_directory_syncs(bool fail) const;
  // After so many more writes, syncs and changes of names every further one fails, and does nothing.
  void fail_after(std::uint64_t operations) const;
  // From now on these do nothing and say that they did: a test must notice.
  void lose_syncs(bool lose) const;
  void lose_directory_syncs(bool lose) const;

  std::vector<std::string> names() const;
  std::uint64_t size(const std::string& name) const;
  Buffer contents(const std::string& name) const;
  void flip(const std::string& name, std::uint64_t offset, unsigned bit) const;
  void cut(const std::string& name, std::uint64_t size) const;
  void put(const std::string& name, Bytes contents) const;
  std::uint64_t used_bytes() const;
  std::uint64_t syncs() const;
  std::uint64_t read_bytes() const;

  struct State;

 private:
  explicit FakeDisk(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace joinery::testing
