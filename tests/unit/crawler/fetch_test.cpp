// Fetches from a server that misbehaves in every way it can.
#include "fetch/fetch.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <future>

#include "fetch/decode.h"
#include "scripted_server.h"

namespace crawler {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Asked;
using testing::ScriptedServer;

class Fetch : public ::testing::Test {
 protected:
  Fetched get(const std::string& target) { return fetcher_.fetch({.url = *parse_url(server_.url(target))}); }

  std::promise<void> stop_;
  std::shared_future<void> stopped_ = stop_.get_future().share();
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say(asked, answer); }};
  Fetcher fetcher_{{.connect_timeout = 5000ms,
                    .timeout = 3000ms,
                    .least_bytes_per_second = 50,
                    .slow_time = std::chrono::seconds(1),
                    .body_max = 1'000'000,
                    .headers_max = 32'000}};

 private:
  void say(const Asked& asked, Answer& answer) {
    if (asked.target == "/page") {
      answer.page("hello", "text/html", "X-One: 1\r\nx-ONE: 2\r\nSet-Cookie: a=b\r\n");
    } else if (asked.target == "/chunked") {
      answer.write(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    } else if (asked.target == "/redirect") {
      answer.status(302, "Location: /page\r\n");
    } else if (asked.target == "/endless") {
      answer.write("HTTP/1.1 200 OK\r\n\r\n");
      while (answer.write(std::string(10'000, 'x'))) {
      }
    } else if (asked.target == "/announced") {
      answer.write("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    } else if (asked.target == "/headers") {
      answer.write("HTTP/1.1 200 OK\r\n");
      while (answer.write("X-More: " + std::string(1000, 'x') + "\r\n")) {
      }
    } else if (asked.target == "/short") {
      answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
      answer.close();
    } else if (asked.target == "/nothing") {
      answer.close();
    } else if (asked.target == "/nonsense") {
      answer.write("SSH-2.0-OpenSSH\r\n");
      answer.close();
    } else if (asked.target == "/drip") {
      answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      while (answer.write("x") && stopped_.wait_for(100ms) == std::future_status::timeout) {
      }
    } else {
      stopped_.wait();
    }
    if (answer.closed()) return;
  }
  void TearDown() override { stop_.set_value(); }
};

TEST_F(Fetch, ReadsAnAnswerAndItsHeaders) {
  const Fetched page = get("/page");
  EXPECT_EQ(page.error, FetchError::none);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "hello");
  EXPECT_EQ(page.header("content-type"), "text/html");
  EXPECT_EQ(page.header("x-one"), "1");
  EXPECT_EQ(page.status_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(page.ip, "127.0.0.1");
  EXPECT_TRUE(page.request_head.starts_with("GET /page HTTP/1.1\r\n")) << page.request_head;
  EXPECT_EQ(get("/chunked").body, "hello world");
}

TEST_F(Fetch, KeepsConnectionsAndNoCookies) {
  for (int i = 0; i < 20; ++i) get("/page");
  EXPECT_EQ(server_.connections(), 1U);
  for (const Asked& asked : server_.asked()) EXPECT_EQ(asked.head.find("Cookie"), std::string::npos);
}

TEST_F(Fetch, FollowsNoRedirect) {
  const Fetched redirect = get("/redirect");
  EXPECT_EQ(redirect.status, 302);
  EXPECT_EQ(redirect.header("location"), "/page");
}

TEST_F(Fetch, AsksWhetherThePageHasChanged) {
  fetcher_.fetch({.url = *parse_url(server_.url("/page")),
                  .etag = "\"x\"",
                  .last_modified = "Sat, 21 Nov 2026 00:00:00 GMT"});
  const std::string head = server_.asked().at(0).head;
  EXPECT_NE(head.find("If-None-Match: \"x\"\r\n"), std::string::npos);
  EXPECT_NE(head.find("If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT\r\n"), std::string::npos);
}

TEST_F(Fetch, EndsWhateverTheServerDoes) {
  const std::pair<const char*, FetchError> cases[] = {
      {"/endless", FetchError::too_large},  {"/announced", FetchError::too_large},
      {"/headers", FetchError::too_large},  {"/short", FetchError::incomplete},
      {"/nothing", FetchError::incomplete}, {"/nonsense", FetchError::bad_answer},
      {"/drip", FetchError::too_slow},
  };
  for (const auto& [target, error] : cases) {
    const Fetched fetched = get(target);
    EXPECT_EQ(word(fetched.error), word(error)) << target << ": " << fetched.message;
    EXPECT_EQ(fetched.body, "");
    EXPECT_NE(fetched.message, "");
  }
}

TEST_F(Fetch, NobodyThere) {
  EXPECT_EQ(fetcher_.fetch({.url = *parse_url("http://127.0.0.1:1/")}).error, FetchError::connect);
  EXPECT_EQ(fetcher_.fetch({.url = *parse_url("http://nobody.invalid/")}).error, FetchError::dns);
}

TEST_F(Fetch, IsCancelledFromAnotherThread) {
  std::promise<Fetcher::Cancel> started;
  auto fetched = std::async(std::launch::async, [&] {
    return fetcher_.fetch({.url = *parse_url(server_.url("/waits"))},
                          [&](Fetcher::Cancel cancel) { started.set_value(cancel); });
  });
  started.get_future().get().cancel();
  EXPECT_EQ(fetched.get().error, FetchError::cancelled);
}

TEST_F(Fetch, ManyAtATime) {
  std::vector<std::future<Fetched>> all;
  for (int i = 0; i < 30; ++i) all.push_back(std::async(std::launch::async, [&] { return get("/page"); }));
  for (auto& each : all) EXPECT_EQ(each.get().body, "hello");
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Decode, GzipWholeDamagedCutAndTooLarge) {
  const std::string text(100'000, 'a');
  const std::string packed = gzipped(text);
  EXPECT_EQ(*decode(packed, "gzip", 1'000'000), text);
  EXPECT_EQ(*decode(packed + packed, "x-gzip", 1'000'000), text + text);
  EXPECT_EQ(decode(packed.substr(0, packed.size() / 2), "gzip", 1'000'000).error(),
            "gzip that ends too early");
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x55;
  EXPECT_FALSE(decode(damaged, "gzip", 1'000'000));
  EXPECT_EQ(decode("no gzip", "gzip", 1'000'000).error(), "damaged gzip");
  EXPECT_EQ(decode(packed, "gzip", 1000).error(), "it is too large when unpacked");
  EXPECT_EQ(*decode(gzipped(packed), "gzip, gzip", 1'000'000), text);
}

TEST(Decode, OtherEncodings) {
  EXPECT_EQ(*decode("plain", "", 100), "plain");
  EXPECT_EQ(*decode("plain", "identity", 100), "plain");
  EXPECT_EQ(decode("x", "compress", 100).error(), "encoded as compress, which nobody asked for");
  EXPECT_EQ(*decode(std::string("\x0b\x02\x80hello\x03", 9), "br", 100), "hello");
  EXPECT_EQ(decode("\xff\xff\xff", "br", 100).error(), "damaged brotli");
}

}  // namespace
}  // namespace crawler
