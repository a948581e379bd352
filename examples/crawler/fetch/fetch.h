// Fetches over HTTP/1.1 and 2, many at a time, by one thread of libcurl: connections are kept per host,
// whoever asks.
//
//   Fetcher fetcher({.user_agent = "me/1.0"});
//   Fetched page = fetcher.fetch({.url = *parse_url("http://example.org/")});
//
// One hop each: a redirect is an answer like any other, since its target may be out of scope, or its host's
// turn may not have come. Cookies are not kept. The body comes as the server sent it (see decode.h), without
// its transfer encoding.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "url/url.h"

namespace crawler {

using Milliseconds = std::chrono::milliseconds;

// What kept an answer from coming; `none`: it is there, whatever its status.
enum class FetchError : unsigned char {
  none,
  dns,           // the host has no address
  connect,       // nobody answers there
  tls,           // no secure connection, or no certificate that we trust
  timeout,       // not done within its time
  too_slow,      // came drop by drop
  too_large,     // more than the limit, of body or headers
  incomplete,    // the connection ended before the body
  bad_answer,    // not HTTP
  bad_encoding,  // broken gzip or brotli, or one that we did not ask for
  cancelled,
};
std::string_view word(FetchError error);
// Whether it may go better another time.
bool may_retry(FetchError error);

struct FetchOptions {
  std::string user_agent = "joinery-crawl/0.1";
  Milliseconds connect_timeout{10'000};
  Milliseconds timeout{60'000};
  long least_bytes_per_second = 100;  // over `slow_time`; slower is too_slow
  std::chrono::seconds slow_time{15};
  std::size_t body_max = 20U << 20U;  // as sent
  std::size_t headers_max = 128U << 10U;
  std::string ca_file = {};  // certificates that are trusted instead of the system's (PEM)
};

struct FetchRequest {
  Url url;
  // Of an earlier answer: the server may say 304.
  std::string etag = {};
  std::string last_modified = {};
  // Beginnings of content types; of a success of another one the body is left where it is. Empty: all.
  std::vector<std::string> types = {};
};

struct Fetched {
  FetchError error = FetchError::none;
  std::string message;  // of the error
  int status = 0;
  std::string http_version;  // "1.1", "2"
  std::string request_head;  // as sent
  std::string status_line;
  std::vector<std::pair<std::string, std::string>>
      headers;  // names in lower case, in the order of the answer
  std::string body;
  bool left_out = false;  // the body, because of its type
  std::string ip;
  Milliseconds took{0};

  // The first of this name (in lower case); empty: there is none.
  std::string_view header(std::string_view name) const;
  std::string type() const;  // of its content, in lower case and without parameters
};

// Whether the type begins with one of these; empty: every one does.
bool is_of(std::string_view type, const std::vector<std::string>& types);

class Fetcher {
 public:
  explicit Fetcher(FetchOptions options);
  ~Fetcher();  // what is under way gets `cancelled`
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  class Cancel {
   public:
    void cancel() const { call_(); }  // from any thread

   private:
    friend class Fetcher;
    std::function<void()> call_;
  };
  // From any thread. `started` is called before it waits, with what would end the fetch early.
  Fetched fetch(const FetchRequest& request, const std::function<void(Cancel)>& started = {});

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace crawler
