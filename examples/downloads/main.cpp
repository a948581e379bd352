// joinery-downloads: a worker that downloads files, hundreds at a time on one thread.
//
//   joinery-downloads --processes 1 --concurrency 200
//   joinery submit --keep-result 1h download https://example.org/a.iso /data/a.iso
//
// A job that is tried again, after a cut connection or the death of its process, goes on where the last
// attempt ended, if the server can. `joinery job show ID` shows how far it is.
#include <joinery/coroutine.h>
#include <joinery/http.h>
#include <joinery/worker.h>

namespace {

namespace http = joinery::http;
using namespace std::chrono_literals;

// The number of bytes of the file.
joinery::Coroutine<std::uint64_t> download(joinery::JobContext& job, std::string url, std::string path) {
  http::DownloadOptions options;
  options.stalled_after = 20s;
  options.max_bytes = 8ULL << 30U;
  try {
    co_return (co_await http::download(job, url, path, options)).bytes;
  } catch (const http::Error& error) {
    if (error.may_retry()) throw;
    throw joinery::Reject(error.what());  // a 404 will be one the next time, too
  }
}

// The status of each URL, by HEAD: a coroutine of coroutines.
joinery::Coroutine<int> status_of(std::string url) {
  const auto response = co_await http::request("HEAD", url);
  co_return response.status;
}

joinery::Coroutine<std::vector<int>> check(joinery::JobContext& job, std::vector<std::string> urls) {
  std::vector<int> statuses;
  for (const std::string& url : urls) {
    statuses.push_back(co_await status_of(url));
    co_await job.sleep(50ms);  // politely
  }
  co_return statuses;
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Worker worker;
  worker.handle("download", download);
  worker.handle("check", check);
  return worker.run(argc, argv);
}
