#include "tests/unit/journal/losing_directory.h"

namespace joinery::broker::testing {
namespace {

using journal::Directory;
using journal::File;

class LosingFile : public File {
 public:
  LosingFile(std::unique_ptr<File> file, bool loses) : file_(std::move(file)), loses_(loses) {}
  Result<> write_at(Bytes bytes, std::uint64_t offset) override { return file_->write_at(bytes, offset); }
  Result<std::size_t> read_at(char* to, std::size_t size, std::uint64_t offset) override {
    return file_->read_at(to, size, offset);
  }
  Result<> sync() override { return loses_ ? Result<>{} : file_->sync(); }
  Result<> allocate(std::uint64_t size) override { return file_->allocate(size); }
  Result<std::uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  bool loses_;
};

class LosingDirectory : public Directory {
 public:
  LosingDirectory(std::unique_ptr<Directory> directory, Loses loses)
      : directory_(std::move(directory)), loses_(std::move(loses)) {}

  Result<std::unique_ptr<File>> create(const std::string& name) override {
    changed("create", name);
    return wrap(directory_->create(name), name);
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    return wrap(directory_->open(name), name);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    changed("rename", from);
    return directory_->rename(from, to);
  }
  Result<> remove(const std::string& name) override {
    changed("remove", name);
    return directory_->remove(name);
  }
  Result<std::vector<std::string>> list() override { return directory_->list(); }
  Result<> sync() override { return loses_("directory after " + last_) ? Result<>{} : directory_->sync(); }
  Result<> lock() override { return directory_->lock(); }
  Result<std::uint64_t> free_bytes() override { return directory_->free_bytes(); }
  bool shared_with_children() const override { return directory_->shared_with_children(); }

 private:
  void changed(const char* how, const std::string& name) {
    last_ = std::string(how) + " " + name;
    static_cast<void>(loses_(last_));
  }
  Result<std::unique_ptr<File>> wrap(Result<std::unique_ptr<File>> file, const std::string& name) {
    if (!file) return file;
    return std::make_unique<LosingFile>(std::move(*file), loses_(name));
  }

  std::unique_ptr<Directory> directory_;
  Loses loses_;
  std::string last_ = "nothing";
};

}  // namespace

std::unique_ptr<Directory> losing(std::unique_ptr<Directory> directory, Loses loses) {
  return std::make_unique<LosingDirectory>(std::move(directory), std::move(loses));
}

}  // namespace joinery::broker::testing
