#include "fetch/fetch.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <thread>

#include "fetch/transfer.h"
#include "page/text.h"

namespace crawler {

std::string_view word(FetchError error) {
  switch (error) {
    case FetchError::none: return "none";
    case FetchError::dns: return "dns";
    case FetchError::connect: return "connect";
    case FetchError::tls: return "tls";
    case FetchError::timeout: return "timeout";
    case FetchError::too_slow: return "too_slow";
    case FetchError::too_large: return "too_large";
    case FetchError::incomplete: return "incomplete";
    case FetchError::bad_answer: return "bad_answer";
    case FetchError::bad_encoding: return "bad_encoding";
    case FetchError::cancelled: return "cancelled";
  }
  return "?";
}

bool may_retry(FetchError error) {
  switch (error) {
    case FetchError::dns:
    case FetchError::connect:
    case FetchError::timeout:
    case FetchError::too_slow:
    case FetchError::incomplete: return true;
    default: return false;
  }
}

std::string_view Fetched::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string Fetched::type() const {
  const std::string_view type = header("content-type");
  return lower_case(trimmed(type.substr(0, type.find(';'))));
}

bool is_of(std::string_view type, const std::vector<std::string>& types) {
  return types.empty() ||
         std::ranges::any_of(types, [&](const std::string& each) { return type.starts_with(each); });
}

// Owns curl's multi handle, which only its thread may touch; others leave transfers in a list and wake it.
class Fetcher::Loop {
 public:
  explicit Loop(FetchOptions options) : options_(std::move(options)), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 256L);
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  const FetchOptions& options() const { return options_; }

  void add(std::shared_ptr<Transfer> transfer) {
    {
      const std::lock_guard guard(mutex_);
      added_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_);
  }
  void cancel(Transfer& transfer) {
    transfer.cancel();
    some_cancelled_ = true;
    curl_multi_wakeup(multi_);
  }

 private:
  void run() {
    while (take_added()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_done();
      if (some_cancelled_.exchange(false)) finish_cancelled();
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    for (const auto& transfer : running_) transfer->cancel();
    finish_cancelled();
  }

  // False: the loop shall end.
  bool take_added() {
    const std::lock_guard guard(mutex_);
    for (auto& transfer : added_) {
      curl_multi_add_handle(multi_, transfer->handle());
      running_.push_back(std::move(transfer));
    }
    added_.clear();
    return !stopping_;
  }

  void finish_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const auto found = std::ranges::find_if(
          running_, [&](const auto& each) { return each->handle() == message->easy_handle; });
      finish(found, code);
    }
  }
  void finish_cancelled() {
    for (auto each = running_.begin(); each != running_.end();) {
      each = (*each)->cancelled() ? finish(each, CURLE_ABORTED_BY_CALLBACK) : each + 1;
    }
  }

  using Running = std::vector<std::shared_ptr<Transfer>>;
  Running::iterator finish(Running::iterator which, CURLcode code) {
    curl_multi_remove_handle(multi_, (*which)->handle());
    (*which)->finish(code);
    return running_.erase(which);
  }

  const FetchOptions options_;
  CURLM* multi_;
  Running running_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Transfer>> added_;
  bool stopping_ = false;
  std::atomic<bool> some_cancelled_ = false;
  std::thread thread_;
};

Fetcher::Fetcher(FetchOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
Fetcher::~Fetcher() = default;

Fetched Fetcher::fetch(const FetchRequest& request, const std::function<void(Cancel)>& started) {
  const auto transfer = std::make_shared<Transfer>(request, loop_->options());
  loop_->add(transfer);
  if (started) {
    Cancel cancel;
    cancel.call_ = [loop = loop_.get(), transfer] { loop->cancel(*transfer); };
    started(cancel);
  }
  return transfer->wait();
}

}  // namespace crawler
