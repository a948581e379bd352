// HTTP for handlers that wait: while an answer is on its way, the thread runs other jobs. Link joinery::http.
//
//   joinery::Coroutine<std::size_t> size(joinery::JobContext& job, std::string url) {
//     const auto page = co_await joinery::http::get(url);
//     if (page.status != 200) throw joinery::Reject("status " + std::to_string(page.status));
//     co_return page.body.size();
//   }
//   joinery::Coroutine<std::uint64_t> fetch(joinery::JobContext& job, std::string url, std::string path) {
//     co_return (co_await joinery::http::download(job, url, path)).bytes;
//   }
//
// HTTP/1.1 and 2, http and https; redirects are followed; connections are kept, per thread. Proxies are those
// of the environment (http_proxy, no_proxy). A job that is cancelled while it waits gets joinery::Cancelled.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/handlers/registry.h"
#include "worker/waiting/coroutine.h"

namespace joinery::http {

// What kept the answer from coming, or from being kept.
enum class Problem : std::uint8_t {
  bad_url,
  resolve,     // the host has no address
  connect,     // nobody answers there
  tls,         // no secure connection, or no certificate that is trusted
  timeout,     // not done within its time
  stalled,     // nothing came for too long
  cut,         // the connection ended before the body
  too_large,   // more than max_bytes
  bad_answer,  // not HTTP, too many redirects, not the range or the size that was expected
  status,      // of a download: not 2xx
  file,        // of a download: it cannot be written
};
std::string_view word(Problem problem);

class Error : public std::runtime_error {
 public:
  Error(Problem problem, const std::string& message, int status = 0)
      : std::runtime_error(message), problem_(problem), status_(status) {}
  Problem problem() const { return problem_; }
  int status() const { return status_; }  // 0: the problem is another
  // Whether it may go better another time. If not: throw joinery::Reject.
  bool may_retry() const;

 private:
  Problem problem_;
  int status_;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// Neither of the options is an aggregate, because g++ 12 destroys one twice that is made inside a co_await.
struct Options {
  Options() {}
  Headers headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  // of everything; 0: none
  std::chrono::seconds stalled_after{30};     // without a byte; 0: never
  std::uint64_t max_bytes = 16U << 20U;       // of the body, unpacked
  std::uint32_t max_redirects = 10;
};

struct Response {
  int status = 0;
  std::string url;  // after redirects
  Headers headers;  // names in lower case
  std::string body;
  // The first of this name (in lower case); empty: there is none.
  std::string_view header(std::string_view name) const;
};

// Any status is an answer. Throws Error.
Coroutine<Response> get(std::string url, Options options = {});
Coroutine<Response> request(std::string method, std::string url, Options options = {});

struct DownloadOptions {
  DownloadOptions() {}
  Headers headers;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{0};  // of everything; 0: none
  std::chrono::seconds stalled_after{30};
  std::uint64_t max_bytes = 64ULL << 30U;
  std::uint32_t max_redirects = 10;
  std::optional<std::uint64_t> bytes;  // how many there must be
  bool resume = true;
  bool sync = false;  // to the disk, before it has its name
};

struct Downloaded {
  std::uint64_t bytes = 0;       // of the file
  std::uint64_t resumed_at = 0;  // how many of them an earlier attempt had got
  std::string url;               // after redirects
  Headers headers;
};

// Streams to `path`.part in chunks, and renames it when it is whole: there is never a part of a file at
// `path`. Progress goes through `job`: the fraction, and bytes as text.
//
// `resume`: what came before the connection was cut, the job cancelled or its process killed stays in
// `path`.part. The next attempt asks for the rest by Range, if the server named a version (ETag or
// Last-Modified) and still has that one; else it begins anew.
//
// Throws Error: also for a status that is not 2xx, a file that another download writes, and one with other
// than `bytes`.
Coroutine<Downloaded> download(JobContext& job, std::string url, std::string path,
                               DownloadOptions options = {});

}  // namespace joinery::http
