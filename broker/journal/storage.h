// What the journal needs of a disk: a directory of files. The real one is in posix_storage.h; tests and the
// simulation put tests/support/fake_disk behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::broker::journal {

// An open file. Errors: disk_full, or io_error with the name and the system's reason. Threads: one at a time.
class File {
 public:
  virtual ~File() = default;
  // Writes all of it, or fails.
  virtual Result<> write_at(Bytes bytes, std::uint64_t offset) = 0;
  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(char* to, std::size_t size, std::uint64_t offset) = 0;
  // What was written before survives a crash after it (fdatasync).
  virtual Result<> sync() = 0;
  // Makes the file at least `size` bytes long, with space for all of them.
  virtual Result<> allocate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
};

// A directory, made if it was not there. Names survive a crash only after sync(). Threads: any.
class Directory {
 public:
  virtual ~Directory() = default;
  // Creates the file, or empties an old one.
  virtual Result<std::unique_ptr<File>> create(const std::string& name) = 0;
  // The same for a large file that is written once, from its beginning on, then synced, and not read soon:
  // memory is kept for others where that can be told the system.
  virtual Result<std::unique_ptr<File>> create_streamed(const std::string& name) { return create(name); }
  virtual Result<std::unique_ptr<File>> open(const std::string& name) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> list() = 0;
  virtual Result<> sync() = 0;
  // Held until the Directory is destroyed. Error: journal_locked.
  virtual Result<> lock() = 0;
  virtual Result<std::uint64_t> free_bytes() = 0;
  // Whether a forked child's writes are seen here (not those to a disk in memory).
  virtual bool shared_with_children() const = 0;
};

Result<std::uint64_t> size_of(Directory& directory, const std::string& name);
// All of a file.
Result<Buffer> read_whole(Directory& directory, const std::string& name);
// Writes `bytes` to "<name>.new", syncs it and renames it to `name`: a crash leaves these or what was there.
Result<> replace_whole(Directory& directory, const std::string& name, Bytes bytes);
// The same, and syncs the directory: a crash leaves these.
Result<> write_whole(Directory& directory, const std::string& name, Bytes bytes);

}  // namespace joinery::broker::journal
