#include "worker/http/joinery/http.h"

#include <fmt/format.h>

#include <algorithm>

#include "worker/http/transfer.h"

namespace joinery::http {
namespace {

// A body in memory.
class Body : public Sink {
 public:
  explicit Body(std::uint64_t most) : most_(most) {}
  void begin(int, const Headers&) override {}
  void write(std::string_view bytes) override {
    if (text.size() + bytes.size() > most_) {
      throw Error(Problem::too_large, fmt::format("the body has more than {} bytes", most_));
    }
    text.append(bytes);
  }
  std::string text;

 private:
  const std::uint64_t most_;
};

}  // namespace

std::string_view word(Problem problem) {
  switch (problem) {
    case Problem::bad_url: return "bad_url";
    case Problem::resolve: return "resolve";
    case Problem::connect: return "connect";
    case Problem::tls: return "tls";
    case Problem::timeout: return "timeout";
    case Problem::stalled: return "stalled";
    case Problem::cut: return "cut";
    case Problem::too_large: return "too_large";
    case Problem::bad_answer: return "bad_answer";
    case Problem::status: return "status";
    case Problem::file: return "file";
  }
  return "?";
}

// A server that is busy or broken, and one that asks for patience, may do better.
bool Error::may_retry() const {
  switch (problem_) {
    case Problem::resolve:
    case Problem::connect:
    case Problem::timeout:
    case Problem::stalled:
    case Problem::cut:
    case Problem::file: return true;
    case Problem::status: return status_ >= 500 || status_ == 408 || status_ == 425 || status_ == 429;
    default: return false;
  }
}

std::string_view Response::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Coroutine<Response> get(std::string url, Options options) {
  return request("GET", std::move(url), std::move(options));
}

Coroutine<Response> request(std::string method, std::string url, Options options) {
  Body body(options.max_bytes);
  const Request request{.method = method,
                        .url = url,
                        .headers = options.headers,
                        .body = options.body,
                        .connect_timeout = options.connect_timeout,
                        .timeout = options.timeout,
                        .stalled_after = options.stalled_after,
                        .max_redirects = options.max_redirects,
                        .unpack = true};
  Transfer transfer(request, body);
  co_await transfer;
  Response response;
  response.status = transfer.status();
  response.url = transfer.url();
  response.headers = transfer.headers();
  response.body = std::move(body.text);
  co_return response;
}

}  // namespace joinery::http
