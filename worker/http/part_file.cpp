#include "worker/http/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <system_error>

namespace joinery::http {
namespace {

constexpr Duration progress_every = std::chrono::milliseconds(250);

std::string_view header(const Headers& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 100-199/300"; the total may be "*".
struct Range {
  std::uint64_t first;
  std::optional<std::uint64_t> total;
};
std::optional<Range> parse_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto first = number(text.substr(0, text.find('-')));
  const auto slash = text.find('/');
  if (!first || slash == std::string_view::npos) return std::nullopt;
  return Range{*first, number(text.substr(slash + 1))};
}

// What If-Range takes: a strong ETag, else a date.
std::string version_of(const Headers& headers) {
  const auto tag = header(headers, "etag");
  return std::string(tag.starts_with('"') ? tag : header(headers, "last-modified"));
}

}  // namespace

PartFile::PartFile(JobContext& job, std::string url, std::string path, const DownloadOptions& options)
    : job_(job),
      url_(std::move(url)),
      path_(std::move(path)),
      part_(path_ + ".part"),
      from_(part_ + ".from"),
      options_(options) {
  while (!lock()) {
  }
  read_version();
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail(part_);
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  if (version_.empty() || bytes_ == 0) start_anew();
  resumed_at_ = bytes_;
}

PartFile::~PartFile() {
  if (finished_ || (!useless_ && !version_.empty() && options_.resume)) return;
  // In this order: once .part is gone or has its name, a successor may write a .from of its own.
  ::unlink(from_.c_str());
  ::unlink(part_.c_str());
}

void PartFile::fail(const std::string& what) const {
  throw Error(Problem::file, fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

// What has come is of no use to a later attempt.
void PartFile::refuse(Problem problem, const std::string& message, int status) {
  useless_ = true;
  throw Error(problem, fmt::format("GET {}: {}", url_, message), status);
}

// False: whoever had it has given it its name, or removed it, before we had the lock.
bool PartFile::lock() {
  file_.reset(::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) fail(part_);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail(part_);
    throw Error(Problem::file, fmt::format("{}: another download writes it", part_));
  }
  struct stat ours {};
  struct stat named {};
  return ::fstat(file_.get(), &ours) == 0 && ::stat(part_.c_str(), &named) == 0 &&
         ours.st_ino == named.st_ino;
}

void PartFile::read_version() {
  if (!options_.resume) return;
  std::ifstream in(from_);
  std::string url;
  std::string version;
  if (std::getline(in, url) && std::getline(in, version) && url == url_) version_ = version;
}

void PartFile::save_version(const Headers& headers) {
  version_ = options_.resume ? version_of(headers) : std::string();
  if (version_.empty()) {
    ::unlink(from_.c_str());
    return;
  }
  std::ofstream out(from_, std::ios::trunc);
  if (!(out << url_ << '\n' << version_ << '\n' << std::flush)) fail(from_);
}

void PartFile::start_anew() {
  ::unlink(from_.c_str());
  version_.clear();
  bytes_ = resumed_at_ = 0;
  if (::ftruncate(file_.get(), 0) != 0) fail(part_);
}

Headers PartFile::resume_headers() const {
  if (bytes_ == 0) return {};
  return {{"Range", fmt::format("bytes={}-", bytes_)}, {"If-Range", version_}};
}

void PartFile::begin(int status, const Headers& headers) {
  again_ = status == 416 && bytes_ > 0;
  if (again_) return start_anew();
  if (status == 206 && bytes_ > 0) return take_range(headers);
  if (status < 200 || status > 299 || status == 206) {
    refuse(Problem::status, fmt::format("status {}", status), status);
  }
  start_anew();
  total_ = number(header(headers, "content-length"));
  if (total_) check_size(*total_);
  save_version(headers);
}

void PartFile::take_range(const Headers& headers) {
  const auto text = header(headers, "content-range");
  const auto range = parse_range(text);
  if (!range || range->first != bytes_) {
    refuse(Problem::bad_answer,
           fmt::format("its Content-Range is \"{}\", expected one from byte {}", text, bytes_));
  }
  total_ = range->total;
  if (total_) check_size(*total_);
  if (::lseek(file_.get(), static_cast<off_t>(bytes_), SEEK_SET) < 0) fail(part_);
}

// Of the whole file, as announced or come so far.
void PartFile::check_size(std::uint64_t bytes) {
  if (bytes > options_.max_bytes) {
    refuse(Problem::too_large, fmt::format("it has more than {} bytes", options_.max_bytes));
  }
  if (options_.bytes && bytes > *options_.bytes) {
    refuse(Problem::bad_answer, fmt::format("it has more than the {} bytes expected", *options_.bytes));
  }
}

void PartFile::write(std::string_view bytes) {
  if (again_) return;  // the body of the refusal
  check_size(bytes_ + bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) fail(part_);
    if (written <= 0) continue;
    bytes_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  tell_progress();
}

void PartFile::tell_progress() {
  const Mono now = read_clocks().mono;
  if (now < told_ + progress_every && bytes_ != total_) return;
  told_ = now;
  if (!total_) return job_.progress(0, fmt::format("{} bytes", bytes_));
  const double whole = std::max<double>(static_cast<double>(*total_), 1);
  job_.progress(static_cast<double>(bytes_) / whole, fmt::format("{} of {} bytes", bytes_, *total_));
}

void PartFile::finish() {
  const auto expected = options_.bytes ? options_.bytes : total_;
  if (expected && bytes_ != *expected) {
    refuse(Problem::bad_answer, fmt::format("it has {} bytes, expected {}", bytes_, *expected));
  }
  if (options_.sync && ::fsync(file_.get()) != 0) fail(part_);
  ::unlink(from_.c_str());
  version_.clear();
  if (::rename(part_.c_str(), path_.c_str()) != 0) fail(path_);
  finished_ = true;
}

}  // namespace joinery::http
