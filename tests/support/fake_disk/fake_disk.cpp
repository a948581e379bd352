#include "tests/support/fake_disk/fake_disk.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <random>

#include "shared/base/check.h"

namespace joinery::testing {
namespace {

constexpr std::size_t sector = 512;

struct Write {
  std::uint64_t offset;
  Buffer bytes;
};

void overwrite(Buffer& file, std::uint64_t offset, Bytes bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
  std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(offset));
}

struct Inode {
  Buffer now;
  Buffer synced;
  std::vector<Write> unsynced;
  std::uint64_t allocated = 0;
  std::uint64_t allocated_synced = 0;

  std::uint64_t space() const { return std::max<std::uint64_t>(allocated, now.size()); }
};

using Names = std::map<std::string, std::shared_ptr<Inode>>;

// What of a file the power failing leaves.
std::shared_ptr<Inode> survivor(const Inode& inode, std::mt19937_64& random) {
  auto left = std::make_shared<Inode>();
  left->synced = inode.synced;
  const auto keep = random() % 3;  // nothing, a part, everything
  left->allocated = left->allocated_synced = keep == 2 ? inode.allocated : inode.allocated_synced;
  for (const Write& write : inode.unsynced) {
    for (std::size_t at = 0; at < write.bytes.size();) {
      const std::size_t size = std::min(write.bytes.size() - at, sector - (write.offset + at) % sector);
      if (keep == 2 || (keep == 1 && random() % 2 == 0)) {
        overwrite(left->synced, write.offset + at, Bytes(write.bytes).substr(at, size));
      }
      at += size;
    }
  }
  if (left->synced.size() < left->allocated) left->synced.resize(left->allocated);
  left->now = left->synced;
  return left;
}

}  // namespace

struct FakeDisk::State {
  mutable std::mutex mutex;
  Names names;
  std::vector<Names> survivable{1};  // the synced names, and those after each change since
  bool locked = false;
  std::uint64_t capacity = std::numeric_limits<std::uint64_t>::max() / 2;
  bool fail_writes = false, fail_syncs = false, fail_directory_syncs = false;
  bool lose_syncs = false, lose_directory_syncs = false;
  std::uint64_t syncs = 0, read_bytes = 0;
  std::uint64_t operations_left = std::numeric_limits<std::uint64_t>::max();

  // Whether the disk still does what it is asked.
  bool works() { return operations_left != 0 && operations_left-- != 0; }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [name, inode] : names) sum += inode->space();
    return sum;
  }
  void changed() { survivable.push_back(names); }
  bool has_room(const Inode& inode, std::uint64_t size) const {
    return size <= inode.space() || used() - inode.space() + size <= capacity;
  }
};

namespace {

using broker::journal::Directory;
using broker::journal::File;
using State = FakeDisk::State;

class FakeFile : public File {
 public:
  FakeFile(std::shared_ptr<State> state, std::shared_ptr<Inode> inode)
      : state_(std::move(state)), inode_(std::move(inode)) {}

  Result<> write_at(Bytes bytes, std::uint64_t offset) override {
    const std::lock_guard lock(state_->mutex);
    if (state_->fail_writes || !state_->works()) return fail(Code::io_error, "write: told to fail");
    if (!state_->has_room(*inode_, offset + bytes.size())) return fail(Code::disk_full, "write: full");
    overwrite(inode_->now, offset, bytes);
    inode_->unsynced.push_back({offset, Buffer(bytes)});
    return {};
  }
  Result<std::size_t> read_at(char* to, std::size_t size, std::uint64_t offset) override {
    const std::lock_guard lock(state_->mutex);
    if (offset >= inode_->now.size()) return 0;
    const std::size_t got = std::min<std::size_t>(size, inode_->now.size() - offset);
    std::copy_n(inode_->now.data() + offset, got, to);
    state_->read_bytes += got;
    return got;
  }
  Result<> sync() override {
    const std::lock_guard lock(state_->mutex);
    ++state_->syncs;
    if (state_->fail_syncs || !state_->works()) return fail(Code::io_error, "sync: told to fail");
    if (state_->lose_syncs) return {};
    for (const Write& write : inode_->unsynced) overwrite(inode_->synced, write.offset, write.bytes);
    if (inode_->synced.size() < inode_->allocated) inode_->synced.resize(inode_->allocated);
    inode_->unsynced.clear();
    inode_->allocated_synced = inode_->allocated;
    return {};
  }
  Result<> allocate(std::uint64_t size) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->has_room(*inode_, size)) return fail(Code::disk_full, "allocate: full");
    inode_->allocated = std::max(inode_->allocated, size);
    if (inode_->now.size() < size) inode_->now.resize(size);
    return {};
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard lock(state_->mutex);
    return inode_->now.size();
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Inode> inode_;
};

class FakeDirectory : public Directory {
 public:
  explicit FakeDirectory(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~FakeDirectory() override {
    const std::lock_guard lock(state_->mutex);
    if (has_lock_) state_->locked = false;
  }

  Result<std::unique_ptr<File>> create(const std::string& name) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->works()) return fail(Code::io_error, "create " + name + ": told to fail");
    auto& inode = state_->names[name];
    inode = std::make_shared<Inode>();
    state_->changed();
    return std::make_unique<FakeFile>(state_, inode);
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->names.find(name);
    if (found == state_->names.end()) return fail(Code::io_error, "open " + name + ": no such file");
    return std::make_unique<FakeFile>(state_, found->second);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->works()) return fail(Code::io_error, "rename " + from + ": told to fail");
    const auto found = state_->names.find(from);
    if (found == state_->names.end()) return fail(Code::io_error, "rename " + from + ": no such file");
    auto inode = found->second;
    state_->names.erase(found);
    state_->names[to] = std::move(inode);
    state_->changed();
    return {};
  }
  Result<> remove(const std::string& name) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->works()) return fail(Code::io_error, "remove " + name + ": told to fail");
    if (state_->names.erase(name) == 0) return fail(Code::io_error, "remove " + name + ": no such file");
    state_->changed();
    return {};
  }
  Result<std::vector<std::string>> list() override {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::string> names;
    for (const auto& [name, inode] : state_->names) names.push_back(name);
    return names;
  }
  Result<> sync() override {
    const std::lock_guard lock(state_->mutex);
    if (state_->fail_directory_syncs || !state_->works())
      return fail(Code::io_error, "sync of the directory: told to fail");
    if (!state_->lose_directory_syncs) state_->survivable.assign(1, state_->names);
    return {};
  }
  Result<> lock() override {
    const std::lock_guard lock(state_->mutex);
    if (state_->locked) return fail(Code::journal_locked, "another broker uses the fake disk");
    state_->locked = has_lock_ = true;
    return {};
  }
  Result<std::uint64_t> free_bytes() override {
    const std::lock_guard lock(state_->mutex);
    return state_->capacity - std::min(state_->capacity, state_->used());
  }
  bool shared_with_children() const override { return false; }

 private:
  std::shared_ptr<State> state_;
  bool has_lock_ = false;
};

}  // namespace

FakeDisk::FakeDisk() : state_(std::make_shared<State>()) {}

std::unique_ptr<Directory> FakeDisk::mount() const { return std::make_unique<FakeDirectory>(state_); }

FakeDisk FakeDisk::after_power_failure(std::uint64_t seed) const {
  const std::lock_guard lock(state_->mutex);
  std::mt19937_64 random(seed);
  auto left = std::make_shared<State>();
  left->capacity = state_->capacity;
  for (const auto& [name, inode] : state_->survivable[random() % state_->survivable.size()]) {
    left->names[name] = survivor(*inode, random);
  }
  left->survivable.assign(1, left->names);
  return FakeDisk(std::move(left));
}

FakeDisk FakeDisk::after_kill() const {
  const std::lock_guard lock(state_->mutex);
  auto left = std::make_shared<State>();
  left->capacity = state_->capacity;
  std::map<const Inode*, std::shared_ptr<Inode>> copies;
  const auto copy = [&copies](const Names& names) {
    Names copied;
    for (const auto& [name, inode] : names) {
      auto& to = copies[inode.get()];
      if (!to) to = std::make_shared<Inode>(*inode);
      copied[name] = to;
    }
    return copied;
  };
  left->names = copy(state_->names);
  left->survivable.clear();
  for (const Names& names : state_->survivable) left->survivable.push_back(copy(names));
  return FakeDisk(std::move(left));
}

// Settings, all alike.
#define SETTER(name, type, member)             \
  void FakeDisk::name(type value) const {      \
    const std::lock_guard lock(state_->mutex); \
    state_->member = value;                    \
  }
SETTER(set_capacity, std::uint64_t, capacity)
SETTER(fail_writes, bool, fail_writes)
SETTER(fail_after, std::uint64_t, operations_left)
SETTER(fail_syncs, bool, fail_syncs)
SETTER(fail_directory_syncs, bool, fail_directory_syncs)
SETTER(lose_syncs, bool, lose_syncs)
SETTER(lose_directory_syncs, bool, lose_directory_syncs)
#undef SETTER

std::vector<std::string> FakeDisk::names() const { return mount()->list().value(); }

std::uint64_t FakeDisk::size(const std::string& name) const { return contents(name).size(); }

Buffer FakeDisk::contents(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->names.at(name)->now;
}

void FakeDisk::flip(const std::string& name, std::uint64_t offset, unsigned bit) const {
  Buffer bytes = contents(name);
  bytes.at(offset) = static_cast<char>(static_cast<unsigned char>(bytes[offset]) ^ (1U << bit));
  put(name, bytes);
}

void FakeDisk::cut(const std::string& name, std::uint64_t size) const {
  put(name, contents(name).substr(0, size));
}

void FakeDisk::put(const std::string& name, Bytes contents) const {
  const std::lock_guard lock(state_->mutex);
  auto& inode = state_->names[name];
  if (!inode) inode = std::make_shared<Inode>();
  inode->now = inode->synced = Buffer(contents);
  inode->unsynced.clear();
  state_->survivable.assign(1, state_->names);
}

std::uint64_t FakeDisk::used_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->used();
}

std::uint64_t FakeDisk::syncs() const {
  const std::lock_guard lock(state_->mutex);
  return state_->syncs;
}

std::uint64_t FakeDisk::read_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->read_bytes;
}

}  // namespace joinery::testing
