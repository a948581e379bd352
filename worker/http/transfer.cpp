#include "worker/http/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "shared/base/check.h"

namespace joinery::http {
namespace {

constexpr std::size_t headers_max = 256U << 10U;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

}  // namespace

Transfer::Transfer(const Request& request, Sink& sink)
    : sink_(sink),
      what_(request.method + " " + request.url),
      timeout_(request.timeout),
      handle_(curl_easy_init()) {
  JOINERY_CHECK(handle_ != nullptr);
  set_options(request);
}

Transfer::~Transfer() {
  if (multi_) multi_->remove(*this);
  curl_easy_cleanup(handle_);
  curl_slist_free_all(request_headers_);
}

void Transfer::set_options(const Request& request) {
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(handle_, option, value); };
  for (const auto& [name, value] : request.headers) {
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    request_headers_ = curl_slist_append(request_headers_, line.c_str());
  }
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_USERAGENT, "joinery");
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_COPYPOSTFIELDS, request.body.data());
    // Not for POST: named so, it would be repeated where a redirect asks for GET.
    if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  set(CURLOPT_HTTPHEADER, request_headers_);
  if (request.unpack) set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stalled_after.count()));
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_ERRORBUFFER, message_.data());
  set(CURLOPT_PRIVATE, this);
}

void Transfer::await_suspend(std::coroutine_handle<> here) {
  strand_ = &waiting::Strand::current();
  multi_ = &strand_->loop().companion<Multi>();
  multi_->add(*this);
  strand_->wait(here, [this] { std::exchange(multi_, nullptr)->remove(*this); });
}

void Transfer::done(CURLcode code) {
  multi_ = nullptr;
  code_ = code;
  // An answer without a body.
  if (code == CURLE_OK && !begun_) guarded([this] { begin(); });
  strand_->go_on();
}

void Transfer::await_resume() {
  waiting::Strand::current().check();
  if (thrown_) std::rethrow_exception(thrown_);
  if (code_ == CURLE_OK) return;
  const char* text = message_[0] != 0 ? message_.data() : curl_easy_strerror(code_);
  throw Error(problem(), fmt::format("{}: {} ({})", what_, text, word(problem())));
}

std::string Transfer::url() const {
  const char* url = nullptr;
  curl_easy_getinfo(handle_, CURLINFO_EFFECTIVE_URL, &url);
  return url ? url : "";
}

// curl must not be left by an exception.
bool Transfer::guarded(const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (...) {
    thrown_ = std::current_exception();
    return false;
  }
}

std::size_t Transfer::on_header(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<Transfer*>(user);
  const std::size_t length = size * count;
  self.headers_size_ += length;
  if (self.headers_size_ > headers_max) return 0;
  self.take_header(std::string_view(data, length));
  return length;
}

void Transfer::take_header(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with("HTTP/")) {  // once more after a redirect or a 1xx
    headers_.clear();
    const auto number = line.substr(std::min(line.find(' ') + 1, line.size()));
    status_ = 0;
    std::from_chars(number.data(), number.data() + number.size(), status_);
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  headers_.emplace_back(lower_case(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
}

void Transfer::begin() {
  begun_ = true;
  sink_.begin(status_, headers_);
}

std::size_t Transfer::on_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& self = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, size * count);
  const bool taken = self.guarded([&] {
    if (!self.begun_) self.begin();
    self.sink_.write(bytes);
  });
  return taken ? bytes.size() : CURL_WRITEFUNC_ERROR;
}

bool Transfer::connected() const {
  curl_off_t connected_us = 0;
  curl_easy_getinfo(handle_, CURLINFO_CONNECT_TIME_T, &connected_us);
  return connected_us > 0;
}

Problem Transfer::problem() const {
  switch (code_) {
    case CURLE_URL_MALFORMAT: return Problem::bad_url;
    // Also said of an answer that is not HTTP.
    case CURLE_UNSUPPORTED_PROTOCOL:
      return connected() && status_ == 0 ? Problem::bad_answer : Problem::bad_url;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return Problem::resolve;
    case CURLE_COULDNT_CONNECT: return Problem::connect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM: return Problem::tls;
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t took_us = 0;
      curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME_T, &took_us);
      const bool whole = timeout_.count() > 0 && std::chrono::microseconds(took_us) >= timeout_;
      return whole || !connected() ? Problem::timeout : Problem::stalled;
    }
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return Problem::cut;
    default: return Problem::bad_answer;
  }
}

}  // namespace joinery::http
