#include "broker/journal/posix_storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "shared/base/check.h"
#include "shared/base/pages.h"
#include "shared/base/unique_fd.h"

namespace joinery::broker::journal {
namespace {

std::unexpected<Error> failed(const char* what, const std::string& path) {
  const int reason = errno;
  // EFBIG: the limit that ulimit -f sets, where the broker ignores the signal that would end it.
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  const Code code = full ? Code::disk_full : Code::io_error;
  return fail(code, fmt::format("{} {}: {}", what, path, std::strerror(reason)));
}

// Calls `call` again while a signal interrupts it.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile : public File {
 public:
  PosixFile(unique_fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<> write_at(Bytes bytes, std::uint64_t offset) override {
    while (!bytes.empty()) {
      const auto written = uninterrupted(
          [&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (written < 0) return failed("write to", path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  Result<std::size_t> read_at(char* to, std::size_t size, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < size) {
      const auto got = uninterrupted(
          [&] { return ::pread(fd_.get(), to + done, size - done, static_cast<off_t>(offset + done)); });
      if (got < 0) return failed("read from", fmt::format("{} at offset {}", path_, offset + done));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  // Not repeated, not even after EINTR: a second fdatasync may succeed without what the first one lost.
  Result<> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failed("fdatasync", path_);
    return {};
  }

  Result<> allocate(std::uint64_t size) override {
    const auto done = uninterrupted([&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)); });
    if (done == 0) return {};
    // A file system without fallocate gives the length, and the space when it is written.
    if (errno == EOPNOTSUPP && ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0) return {};
    return failed("allocate", path_);
  }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return failed("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 protected:
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  unique_fd fd_;
  std::string path_;
};

// Written once, from its beginning on, past the page cache: its pages would push out those of payloads, and
// to get them costs more than all else. What is no whole page at the end goes the usual way, and all of it
// where the file system wants more than whole pages.
class StreamedFile : public PosixFile {
 public:
  StreamedFile(unique_fd fd, std::string path) : PosixFile(std::move(fd), std::move(path)) {}

  Result<> write_at(Bytes bytes, std::uint64_t offset) override {
    JOINERY_CHECK(offset == begin_ + size_);
    while (!bytes.empty()) {
      const Bytes part = bytes.substr(0, buffer_size - size_);
      std::memcpy(buffer_.data() + size_, part.data(), part.size());
      size_ += part.size();
      bytes.remove_prefix(part.size());
      if (size_ < buffer_size) break;
      if (auto done = write_out(); !done) return done;
    }
    return {};
  }

  Result<> sync() override {
    use_cache();
    if (auto done = write_out(); !done) return done;
    return PosixFile::sync();
  }

 private:
  static constexpr std::size_t buffer_size = std::size_t{1} << 20U;

  Result<> write_out() {
    for (std::size_t done = 0; done < size_;) {
      const auto written = uninterrupted([&] {
        return ::pwrite(fd(), buffer_.data() + done, size_ - done, static_cast<off_t>(begin_ + done));
      });
      if (written < 0 && errno == EINVAL && use_cache()) continue;
      if (written < 0) return failed("write to", path());
      done += static_cast<std::size_t>(written);
    }
    begin_ += size_;
    size_ = 0;
    return {};
  }

  // False if it does already.
  bool use_cache() {
    const int flags = ::fcntl(fd(), F_GETFL);
    return (flags & O_DIRECT) != 0 && ::fcntl(fd(), F_SETFL, flags & ~O_DIRECT) == 0;
  }

  Pages buffer_{buffer_size};  // begins at a page, as the system demands
  std::uint64_t begin_ = 0;    // of the buffer in the file
  std::size_t size_ = 0;
};

// Works with paths, not with a descriptor of the directory: a forked checkpoint writer closes all
// descriptors.
class PosixDirectory : public Directory {
 public:
  explicit PosixDirectory(std::string path) : path_(std::move(path)) {}

  Result<std::unique_ptr<File>> create(const std::string& name) override {
    return open_file(name, O_RDWR | O_CREAT | O_TRUNC);
  }
  Result<std::unique_ptr<File>> create_streamed(const std::string& name) override {
    unique_fd fd(::open(path(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0640));
    if (!fd && errno == EINVAL) return create(name);  // the file system has nothing but its cache
    if (!fd) return failed("open", path(name));
    return std::make_unique<StreamedFile>(std::move(fd), path(name));
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override { return open_file(name, O_RDWR); }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(path(from).c_str(), path(to).c_str()) != 0) return failed("rename", path(from));
    return {};
  }
  Result<> remove(const std::string& name) override {
    if (::unlink(path(name).c_str()) != 0) return failed("remove", path(name));
    return {};
  }

  Result<std::vector<std::string>> list() override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path_.c_str()), ::closedir);
    if (!directory) return failed("list", path_);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
    if (errno != 0) return failed("list", path_);
    return names;
  }

  Result<> sync() override {
    const unique_fd fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return failed("open", path_);
    if (::fsync(fd.get()) != 0) return failed("fsync", path_);
    return {};
  }

  Result<> lock() override {
    const std::string name = path("lock");
    unique_fd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!fd && (errno == EROFS || errno == EACCES)) fd.reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed("open", name);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed("lock", name);
      return fail(Code::journal_locked, fmt::format("another broker uses the data directory {}", path_));
    }
    lock_ = std::move(fd);
    return {};
  }

  Result<std::uint64_t> free_bytes() override {
    struct statvfs status {};
    if (::statvfs(path_.c_str(), &status) != 0) return failed("statvfs", path_);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }

  bool shared_with_children() const override { return true; }

 private:
  std::string path(const std::string& name) const { return path_ + "/" + name; }

  Result<std::unique_ptr<File>> open_file(const std::string& name, int flags) {
    unique_fd fd(::open(path(name).c_str(), flags | O_CLOEXEC, 0640));
    if (!fd) return failed("open", path(name));
    return std::make_unique<PosixFile>(std::move(fd), path(name));
  }

  std::string path_;
  unique_fd lock_;
};

}  // namespace

Result<std::unique_ptr<Directory>> open_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return failed("make the directory", path);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return failed("stat", path);
  if (!S_ISDIR(status.st_mode)) return fail(Code::io_error, path + " is not a directory");
  return std::make_unique<PosixDirectory>(path);
}

Result<std::uint64_t> size_of(Directory& directory, const std::string& name) {
  const auto file = directory.open(name);
  if (!file) return std::unexpected(file.error());
  return (*file)->size();
}

Result<Buffer> read_whole(Directory& directory, const std::string& name) {
  auto file = directory.open(name);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  Buffer bytes(*size, '\0');
  const auto got = (*file)->read_at(bytes.data(), bytes.size(), 0);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

Result<> replace_whole(Directory& directory, const std::string& name, Bytes bytes) {
  auto file = directory.create(name + ".new");
  if (!file) return std::unexpected(file.error());
  if (auto done = (*file)->write_at(bytes, 0); !done) return done;
  if (auto done = (*file)->sync(); !done) return done;
  return directory.rename(name + ".new", name);
}

Result<> write_whole(Directory& directory, const std::string& name, Bytes bytes) {
  if (auto done = replace_whole(directory, name, bytes); !done) return done;
  return directory.sync();
}

}  // namespace joinery::broker::journal
