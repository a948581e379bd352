#include "worker/http/multi.h"

#include <sys/epoll.h>

#include <vector>

#include "shared/base/check.h"
#include "worker/http/transfer.h"

namespace joinery::http {
namespace {

CURLM* new_multi() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  JOINERY_CHECK(initialized == CURLE_OK);
  return curl_multi_init();
}

std::uint32_t events_of(int what) {
  std::uint32_t events = 0;
  if (what & CURL_POLL_IN) events |= EPOLLIN;
  if (what & CURL_POLL_OUT) events |= EPOLLOUT;
  return events;
}

}  // namespace

Multi::Multi(waiting::EventLoop& loop) : loop_(loop), multi_(new_multi()) {
  JOINERY_CHECK(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Multi::~Multi() { curl_multi_cleanup(multi_); }

void Multi::add(Transfer& transfer) {
  JOINERY_CHECK(curl_multi_add_handle(multi_, transfer.handle()) == CURLM_OK);
}

void Multi::remove(Transfer& transfer) { curl_multi_remove_handle(multi_, transfer.handle()); }

int Multi::on_socket(CURL*, curl_socket_t socket, int what, void* user, void*) {
  auto& self = *static_cast<Multi*>(user);
  if (what == CURL_POLL_REMOVE) {
    self.loop_.unwatch(socket);
    return 0;
  }
  self.loop_.watch(socket, events_of(what), [&self, socket](std::uint32_t events) {
    const int in = events & EPOLLIN ? CURL_CSELECT_IN : 0;
    const int out = events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
    const int error = events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
    self.act(socket, in | out | error);
  });
  return 0;
}

int Multi::on_timer(CURLM*, long wait_ms, void* user) {
  auto& self = *static_cast<Multi*>(user);
  if (self.timer_) self.loop_.forget(*self.timer_);
  self.timer_.reset();
  if (wait_ms < 0) return 0;
  self.timer_ = self.loop_.at(read_clocks().mono + std::chrono::milliseconds(wait_ms), [&self] {
    self.timer_.reset();
    self.act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

void Multi::act(curl_socket_t socket, int what) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, what, &running);
  finish_done();
}

// Whoever is told goes on at once and may begin the next transfer: so all are taken out first.
void Multi::finish_done() {
  std::vector<std::pair<Transfer*, CURLcode>> done;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    done.emplace_back(static_cast<Transfer*>(transfer), code);
  }
  for (const auto& [transfer, code] : done) remove(*transfer);
  for (const auto& [transfer, code] : done) transfer->done(code);
}

}  // namespace joinery::http
