// WARC files (ISO 28500), gzipped record by record, so that each can be read by its place alone.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "fetch/fetch.h"
#include "url/url.h"

namespace crawler {

// Where a record is.
struct WarcPlace {
  std::string file;  // its name, without the directory
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// One file after the other in a directory, each begun with a warcinfo record and written by one process. A
// record is written whole, so that the death of its process leaves at most a torn end behind what counts. Not
// synced: it survives processes, not the power. Threads: any.
class WarcWriter {
 public:
  // `prefix` names the files, and must be nobody else's.
  WarcWriter(std::string directory, std::string prefix, std::string software,
             std::uint64_t file_max = std::uint64_t{1} << 30U);
  ~WarcWriter();
  WarcWriter(const WarcWriter&) = delete;
  WarcWriter& operator=(const WarcWriter&) = delete;

  // Request and response (for a 304: revisit). `digest` is sha1_base32 of the body, `at` when it was asked
  // for. Returns the place of the response. Throws std::system_error.
  WarcPlace write(const Url& url, const Fetched& fetched, const std::string& digest, std::int64_t at_unix_ms);

 private:
  void open_next();
  void append(std::string_view bytes);

  const std::string directory_;
  const std::string prefix_;
  const std::string software_;
  const std::uint64_t file_max_;
  std::mutex mutex_;
  int file_ = -1;
  unsigned number_ = 0;
  std::string name_;
  std::uint64_t size_ = 0;
};

}  // namespace crawler
