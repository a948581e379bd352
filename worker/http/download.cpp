// A file by HTTP: asked for, and asked for once more if the server does not want to go on where it ended.
#include "worker/http/part_file.h"

namespace joinery::http {
namespace {

Request request_of(const std::string& url, const DownloadOptions& options, const Headers& resume) {
  Request request{.method = "GET",
                  .url = url,
                  .headers = options.headers,
                  .body = {},
                  .connect_timeout = options.connect_timeout,
                  .timeout = options.timeout,
                  .stalled_after = options.stalled_after,
                  .max_redirects = options.max_redirects,
                  .unpack = false};  // a range is of what is sent
  request.headers.insert(request.headers.end(), resume.begin(), resume.end());
  return request;
}

}  // namespace

Coroutine<Downloaded> download(JobContext& job, std::string url, std::string path, DownloadOptions options) {
  PartFile file(job, url, path, options);
  for (;;) {
    Transfer transfer(request_of(url, options, file.resume_headers()), file);
    co_await transfer;
    if (file.again()) continue;
    file.finish();
    Downloaded downloaded;
    downloaded.bytes = file.bytes();
    downloaded.resumed_at = file.resumed_at();
    downloaded.url = transfer.url();
    downloaded.headers = transfer.headers();
    co_return downloaded;
  }
}

}  // namespace joinery::http
