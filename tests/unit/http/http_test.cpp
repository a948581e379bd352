// Answers, and what comes instead of them.
#include <future>

#include "runs.h"

namespace joinery::http {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class HttpTest : public Runs {
 protected:
  ~HttpTest() override { stop_.set_value(); }
  std::string url(const std::string& target) const { return server_.url(target); }

  std::promise<void> stop_;
  std::shared_future<void> stopped_ = stop_.get_future().share();
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say(asked, answer); }};

 private:
  void say(const Asked& asked, Answer& answer) {
    if (asked.target == "/page") return answer.page("hello", "text/plain", "X-One: 1\r\n");
    if (asked.target == "/moved") return answer.status(302, "Location: /page\r\n");
    if (asked.target == "/loop") return answer.status(302, "Location: /loop\r\n");
    if (asked.target == "/away") return answer.status(302, "Location: file:///etc/passwd\r\n");
    if (asked.target == "/missing") return answer.status(404);
    if (asked.target == "/chunked") {
      answer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
      return;
    }
    if (asked.target == "/endless") {
      answer.write("HTTP/1.1 200 OK\r\n\r\n");
      while (answer.write(std::string(10'000, 'x'))) {
      }
    }
    if (asked.target == "/cut") answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel");
    if (asked.target == "/garbage") answer.write("what do you want?\r\n\r\n");
    if (asked.target == "/headers") {
      answer.write("HTTP/1.1 200 OK\r\n");
      while (answer.write("X-More: and more\r\n")) {
      }
    }
    if (asked.target == "/silent" || asked.target == "/drip") {
      if (asked.target == "/drip") answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel");
      stopped_.wait();
    }
    answer.close();
  }
};

TEST_F(HttpTest, AnAnswerHasStatusHeadersAndBody) {
  const Response page = run(get(url("/page")));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "hello");
  EXPECT_EQ(page.header("x-one"), "1");
  EXPECT_EQ(page.header("x-two"), "");
  EXPECT_EQ(run(get(url("/chunked"))).body, "hello");
}

TEST_F(HttpTest, AStatusIsAnAnswerWhateverItIs) { EXPECT_EQ(run(get(url("/missing"))).status, 404); }

TEST_F(HttpTest, RedirectsAreFollowedAndNotForEver) {
  const Response page = run(get(url("/moved")));
  EXPECT_EQ(page.body, "hello");
  EXPECT_EQ(page.url, url("/page"));
  EXPECT_EQ(problem_of(get(url("/loop"))), Problem::bad_answer);
  EXPECT_EQ(problem_of(get(url("/away"))), Problem::bad_url);
  EXPECT_EQ(run(get(url("/moved"), with<Options>([](auto& o) { o.max_redirects = 0; }))).status, 302);
}

TEST_F(HttpTest, ARequestHasItsMethodHeadersAndBody) {
  run(request("POST", url("/page"), with<Options>([](auto& o) {
                o.headers = {{"X-Key", "7"}};
                o.body = "a=b";
              })));
  run(request("HEAD", url("/page")));
  const auto asked = server_.asked();
  EXPECT_THAT(asked[0].head, HasSubstr("POST /page"));
  EXPECT_THAT(asked[0].head, HasSubstr("X-Key: 7"));
  EXPECT_THAT(asked[0].head, HasSubstr("Content-Length: 3"));
}

TEST_F(HttpTest, AnEndlessBodyEndsAtItsLimit) {
  EXPECT_EQ(problem_of(get(url("/endless"), with<Options>([](auto& o) { o.max_bytes = 100'000; }))),
            Problem::too_large);
  EXPECT_THAT(message_, HasSubstr("100000 bytes"));
}

TEST_F(HttpTest, WhatKeepsAnAnswerFromComingIsTold) {
  EXPECT_EQ(problem_of(get(url("/cut"))), Problem::cut);
  EXPECT_EQ(problem_of(get("http://127.0.0.1:1/")), Problem::connect);
  EXPECT_EQ(problem_of(get("gopher://127.0.0.1/")), Problem::bad_url);
  EXPECT_EQ(problem_of(get("not a url")), Problem::bad_url);
  EXPECT_EQ(problem_of(get(url("/garbage"))), Problem::bad_answer);
  EXPECT_EQ(problem_of(get(url("/headers"))), Problem::bad_answer);
  EXPECT_EQ(problem_of(get(url("/silent"), with<Options>([](auto& o) { o.timeout = 50ms; }))),
            Problem::timeout);
  EXPECT_THAT(message_, HasSubstr("/silent"));
  EXPECT_EQ(problem_of(get(url("/drip"), with<Options>([](auto& o) { o.stalled_after = 1s; }))),
            Problem::stalled);
}

TEST_F(HttpTest, OneThatIsCancelledWhileItWaitsForTheAnswerEndsAtOnce) {
  const auto cancelled_after = [this](std::string target) -> Coroutine<> {
    cancel_soon();
    co_await get(target);
  };
  EXPECT_THROW(run(cancelled_after(url("/silent"))), Cancelled);
}

TEST_F(HttpTest, TheConnectionIsKeptForTheNextRequest) {
  for (int i = 0; i < 5; ++i) run(get(url("/page")));
  EXPECT_EQ(server_.connections(), 1U);
}

}  // namespace
}  // namespace joinery::http
