// The file of a download until it is whole: PATH.part, and beside it PATH.part.from, which says of what it is
// a part (the URL, and the version that the server named). Written by one download at a time.
#pragma once

#include "shared/base/unique_fd.h"
#include "worker/http/transfer.h"

namespace joinery::http {

class PartFile : public Sink {
 public:
  // Throws Error (file).
  PartFile(JobContext& job, std::string url, std::string path, const DownloadOptions& options);
  // Without finish(): what has come stays if it can be resumed.
  ~PartFile() override;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // Range and If-Range, if there is something to resume.
  Headers resume_headers() const;
  // The server did not accept the range: to be asked again for everything.
  bool again() const { return again_; }
  void begin(int status, const Headers& headers) override;
  void write(std::string_view bytes) override;
  // It has its name.
  void finish();

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t resumed_at() const { return resumed_at_; }

 private:
  bool lock();
  void read_version();
  void save_version(const Headers& headers);
  void start_anew();
  void take_range(const Headers& headers);
  void check_size(std::uint64_t bytes);
  void tell_progress();
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void refuse(Problem problem, const std::string& message, int status = 0);

  JobContext& job_;
  const std::string url_;
  const std::string path_;
  const std::string part_;
  const std::string from_;
  const DownloadOptions& options_;
  unique_fd file_;
  std::string version_;  // of what is there; empty: cannot be resumed
  std::uint64_t bytes_ = 0;
  std::uint64_t resumed_at_ = 0;
  std::optional<std::uint64_t> total_;
  Mono told_{};
  bool again_ = false;
  bool useless_ = false;  // what has come
  bool finished_ = false;
};

}  // namespace joinery::http
