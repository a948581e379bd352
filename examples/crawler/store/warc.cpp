#include "store/warc.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "store/digest.h"

namespace crawler {
namespace {

// The level costs a tenth of the default's time and a few percent of size.
std::string gzipped(std::string_view record) {
  thread_local const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(1), libdeflate_free_compressor);
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), record.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor.get(), record.data(), record.size(), out.data(), out.size()));
  if (out.empty()) throw std::runtime_error("a WARC record could not be compressed");
  return out;
}

using Field = std::pair<std::string_view, std::string>;

// The block comes in two parts, so that a body is copied once.
std::string record(const std::vector<Field>& fields, std::string_view block, std::string_view body = {}) {
  constexpr std::size_t fields_most = 1024;  // about
  std::string out;
  out.reserve(fields_most + block.size() + body.size());
  out = "WARC/1.0\r\n";
  for (const auto& [name, value] : fields) ((((out += name) += ": ") += value) += "\r\n");
  ((out += "Content-Length: ") += std::to_string(block.size() + body.size())) += "\r\n\r\n";
  return ((out += block) += body) += "\r\n\r\n";
}

std::string urn() { return "<urn:uuid:" + random_uuid() + ">"; }

// The answer as HTTP/1.1 would have it. What the transfer did to it is undone, and its headers say so.
std::string head_of(const Fetched& fetched) {
  const std::size_t blank = fetched.status_line.find(' ');
  std::string head = "HTTP/1.1" +
                     (blank == std::string::npos ? std::string(" 200") : fetched.status_line.substr(blank)) +
                     "\r\n";
  bool length = false;
  for (const auto& [name, value] : fetched.headers) {
    const bool renamed = name == "transfer-encoding";
    length = length || name == "content-length";
    (((head += renamed ? "x-crawler-transfer-encoding" : name) += ": ") += value) += "\r\n";
  }
  if (!length) head += "content-length: " + std::to_string(fetched.body.size()) + "\r\n";
  return head + "\r\n";
}

std::string response_of(const Url& url, const Fetched& fetched, const std::string& digest,
                        const std::string& date, const std::string& id) {
  const bool revisit = fetched.status == 304;
  const std::string head = head_of(fetched);
  std::vector<Field> fields{{"WARC-Type", revisit ? "revisit" : "response"},
                            {"WARC-Record-ID", id},
                            {"WARC-Date", date},
                            {"WARC-Target-URI", url.text()},
                            {"WARC-IP-Address", fetched.ip},
                            {"Content-Type", "application/http; msgtype=response"}};
  if (revisit) {
    fields.emplace_back("WARC-Profile", "http://netpreserve.org/warc/1.0/revisit/server-not-modified");
  } else {
    fields.emplace_back("WARC-Payload-Digest", digest);
  }
  return record(fields, head, fetched.body);
}

std::string request_of(const Url& url, const Fetched& fetched, const std::string& date,
                       const std::string& response) {
  return record({{"WARC-Type", "request"},
                 {"WARC-Record-ID", urn()},
                 {"WARC-Date", date},
                 {"WARC-Target-URI", url.text()},
                 {"WARC-Concurrent-To", response},
                 {"Content-Type", "application/http; msgtype=request"}},
                fetched.request_head);
}

[[noreturn]] void failed(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

WarcWriter::WarcWriter(std::string directory, std::string prefix, std::string software,
                       std::uint64_t file_max)
    : directory_(std::move(directory)),
      prefix_(std::move(prefix)),
      software_(std::move(software)),
      file_max_(file_max) {}

WarcWriter::~WarcWriter() {
  if (file_ >= 0) ::close(file_);
}

WarcPlace WarcWriter::write(const Url& url, const Fetched& fetched, const std::string& digest,
                            std::int64_t at_unix_ms) {
  const std::string date = iso_time(at_unix_ms);
  const std::string id = urn();
  const std::string request = gzipped(request_of(url, fetched, date, id));
  const std::string response = gzipped(response_of(url, fetched, digest, date, id));
  const std::lock_guard guard(mutex_);
  if (file_ < 0 || size_ >= file_max_) open_next();
  append(request);
  const WarcPlace place{name_, size_, response.size()};
  append(response);
  return place;
}

void WarcWriter::open_next() {
  if (file_ >= 0) ::close(file_);
  char number[16];
  std::snprintf(number, sizeof number, "-%05u", number_++);
  name_ = prefix_ + number + ".warc.gz";
  const std::string path = directory_ + "/" + name_;
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file_ < 0) failed(path);
  size_ = 0;
  append(gzipped(record({{"WARC-Type", "warcinfo"},
                         {"WARC-Record-ID", urn()},
                         {"WARC-Date", iso_time(static_cast<std::int64_t>(::time(nullptr)) * 1000)},
                         {"WARC-Filename", name_},
                         {"Content-Type", "application/warc-fields"}},
                        "software: " + software_ + "\r\nformat: WARC File Format 1.0\r\n")));
}

void WarcWriter::append(std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t now = ::write(file_, bytes.data() + written, bytes.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) {
      const int error = errno;
      ::close(std::exchange(file_, -1));  // behind what is torn nothing could be read
      errno = error;
      failed(directory_ + "/" + name_);
    }
    written += static_cast<std::size_t>(now);
  }
  size_ += bytes.size();
}

}  // namespace crawler
