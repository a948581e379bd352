// libcurl's multi handle on an event loop: one per thread, with the connections that it keeps.
#pragma once

#include <curl/curl.h>

#include <optional>

#include "worker/waiting/event_loop.h"

namespace joinery::http {

class Transfer;

class Multi {
 public:
  explicit Multi(waiting::EventLoop& loop);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  // Until remove(), or until Transfer::done() was called.
  void add(Transfer& transfer);
  void remove(Transfer& transfer);

 private:
  static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void*);
  static int on_timer(CURLM*, long wait_ms, void* user);
  void act(curl_socket_t socket, int what);
  void finish_done();

  waiting::EventLoop& loop_;
  CURLM* const multi_;
  std::optional<waiting::EventLoop::Timer> timer_;
};

}  // namespace joinery::http
