// One request and its answer, to be awaited: co_await transfer. Its body goes to a Sink as it comes.
#pragma once

#include <curl/curl.h>

#include <array>
#include <coroutine>
#include <exception>

#include "worker/http/joinery/http.h"
#include "worker/http/multi.h"
#include "worker/waiting/strand.h"

namespace joinery::http {

// Both may throw: that ends the transfer, and comes out of its co_await.
class Sink {
 public:
  virtual ~Sink() = default;
  // Once, before the first byte; after redirects.
  virtual void begin(int status, const Headers& headers) = 0;
  virtual void write(std::string_view bytes) = 0;
};

struct Request {
  std::string method;
  std::string url;
  Headers headers;
  std::string body;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds timeout;
  std::chrono::seconds stalled_after;
  std::uint32_t max_redirects;
  bool unpack;  // gzip and its like
};

class Transfer {
 public:
  Transfer(const Request& request, Sink& sink);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool await_ready() const { return waiting::Strand::current().cancelled(); }
  void await_suspend(std::coroutine_handle<> here);
  // Throws Cancelled, Error, or what the sink threw.
  void await_resume();

  int status() const { return status_; }
  const Headers& headers() const { return headers_; }
  std::string url() const;

  // For Multi.
  CURL* handle() const { return handle_; }
  void done(CURLcode code);

 private:
  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user);
  void set_options(const Request& request);
  void take_header(std::string_view line);
  void begin();
  bool guarded(const std::function<void()>& call);
  bool connected() const;
  Problem problem() const;

  Sink& sink_;
  const std::string what_;  // method and URL, for messages
  const std::chrono::milliseconds timeout_;
  CURL* const handle_;
  curl_slist* request_headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> message_{};
  Headers headers_;
  std::size_t headers_size_ = 0;
  int status_ = 0;
  bool begun_ = false;
  std::exception_ptr thrown_;  // by the sink
  CURLcode code_ = CURLE_OK;
  waiting::Strand* strand_ = nullptr;
  Multi* multi_ = nullptr;  // while it is under way
};

}  // namespace joinery::http
