#include "fetch/transfer.h"

#include "page/text.h"

namespace crawler {

namespace {

// A thread waits for one fetch at a time, so that it needs one handle, again and again.
CURL* handle_of_thread() {
  thread_local const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  curl_easy_reset(handle.get());
  return handle.get();
}

}  // namespace

Transfer::Transfer(const FetchRequest& request, const FetchOptions& options)
    : options_(options), types_(request.types), handle_(handle_of_thread()) {
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle_, option, value); };
  const auto header = [&](const std::string& line) { headers_ = curl_slist_append(headers_, line.c_str()); };
  header("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
  header("Accept-Encoding: gzip, br");  // by hand, so that curl leaves the body as it is
  if (!request.etag.empty()) header("If-None-Match: " + request.etag);
  if (!request.last_modified.empty()) header("If-Modified-Since: " + request.last_modified);
  set(CURLOPT_URL, request.url.text().c_str());
  set(CURLOPT_PATH_AS_IS, 1L);  // it is in its normal form already
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, options.least_bytes_per_second);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.slow_time.count()));
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options.body_max));
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_DEBUGFUNCTION, on_debug);
  set(CURLOPT_DEBUGDATA, this);
  set(CURLOPT_VERBOSE, 1L);  // the request as it was sent comes by no other way
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_PRIVATE, this);
}

Transfer::~Transfer() { curl_slist_free_all(headers_); }

std::size_t Transfer::on_header(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<Transfer*>(user);
  const std::size_t length = size * count;
  self.headers_size_ += length;
  if (self.headers_size_ > self.options_.headers_max) {
    self.too_large_ = true;
    return 0;
  }
  const std::string_view line = trimmed(std::string_view(data, length));
  if (line.empty() && self.is_left_out()) {
    self.fetched_.left_out = true;
    return 0;
  }
  self.take_header(line);
  return length;
}

// With the last line of the headers.
bool Transfer::is_left_out() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300 && !is_of(fetched_.type(), types_);
}

void Transfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // once more after a 1xx
    fetched_.status_line = line;
    fetched_.headers.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  fetched_.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
}

std::size_t Transfer::on_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<Transfer*>(user);
  const std::size_t length = size * count;
  if (self.fetched_.body.size() + length > self.options_.body_max) {
    self.too_large_ = true;
    return 0;
  }
  if (self.fetched_.body.empty()) {
    curl_off_t announced = -1;
    curl_easy_getinfo(self.handle_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0) self.fetched_.body.reserve(static_cast<std::size_t>(announced));  // at most body_max
  }
  self.fetched_.body.append(data, length);
  return length;
}

int Transfer::on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
  // The last one: curl may have sent it on a connection that turned out to be closed.
  if (type == CURLINFO_HEADER_OUT) static_cast<Transfer*>(user)->fetched_.request_head.assign(data, size);
  return 0;
}

FetchError Transfer::error_of(CURLcode code) const {
  if (too_large_) return FetchError::too_large;
  if (fetched_.left_out) return FetchError::none;
  switch (code) {
    case CURLE_OK: return FetchError::none;
    case CURLE_COULDNT_RESOLVE_HOST: return FetchError::dns;
    case CURLE_COULDNT_CONNECT: return FetchError::connect;
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t took = 0;
      curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME_T, &took);
      const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(options_.timeout).count();
      curl_off_t connected = 0;
      curl_easy_getinfo(handle_, CURLINFO_CONNECT_TIME_T, &connected);
      return took < whole && connected != 0 ? FetchError::too_slow : FetchError::timeout;
    }
    case CURLE_FILESIZE_EXCEEDED: return FetchError::too_large;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM: return FetchError::tls;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM: return FetchError::incomplete;
    default: return FetchError::bad_answer;
  }
}

void Transfer::finish(CURLcode code) {
  fetched_.error = cancelled_ ? FetchError::cancelled : error_of(code);
  if (fetched_.error != FetchError::none) {
    fetched_.message = too_large_ ? "more than the limit" : curl_easy_strerror(code);
    fetched_.body.clear();
  }
  long status = 0;
  long version = 0;
  char* ip = nullptr;
  curl_off_t took = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle_, CURLINFO_HTTP_VERSION, &version);
  curl_easy_getinfo(handle_, CURLINFO_PRIMARY_IP, &ip);
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME_T, &took);
  fetched_.status = static_cast<int>(status);
  fetched_.http_version = version == CURL_HTTP_VERSION_2_0   ? "2"
                          : version == CURL_HTTP_VERSION_1_0 ? "1.0"
                                                             : "1.1";
  fetched_.ip = ip == nullptr ? "" : ip;
  fetched_.took = std::chrono::duration_cast<Milliseconds>(std::chrono::microseconds(took));
  const std::lock_guard guard(mutex_);
  done_ = true;
  done_changed_.notify_one();
}

Fetched Transfer::wait() {
  std::unique_lock guard(mutex_);
  done_changed_.wait(guard, [this] { return done_; });
  return std::move(fetched_);
}

}  // namespace crawler
