// One fetch under way: its easy handle, and what has come.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "fetch/fetch.h"

namespace crawler {

class Transfer {
 public:
  Transfer(const FetchRequest& request, const FetchOptions& options);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_; }
  void cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

  // By the loop, once: curl is done with it.
  void finish(CURLcode code);
  Fetched wait();

 private:
  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user);
  static int on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* user);
  void take_header(std::string_view line);
  bool is_left_out() const;
  FetchError error_of(CURLcode code) const;

  const FetchOptions& options_;
  const std::vector<std::string> types_;
  CURL* const handle_;  // of the thread that asks
  curl_slist* headers_ = nullptr;
  Fetched fetched_;
  std::size_t headers_size_ = 0;
  bool too_large_ = false;
  std::atomic<bool> cancelled_ = false;

  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;
};

}  // namespace crawler
