// Servers that want the crawl never to end: it ends, in bounded memory, and the report says what each did.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <zlib.h>

#include <atomic>
#include <ctime>

#include "crawl.h"

namespace joinery::testing {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;

constexpr const char* front =
    "<a href=/redirects/0>1</a><a href=/endless>2</a><a href=/drip>3</a><a href=/short>4</a><a "
    "href=/broken-gzip>5</a>"
    "<a href=/wrong-charset>7</a><a href=/trap/>8</a><a href=/cookies>9</a><a href=/headers>10</a>"
    "<a href=/nothing>11</a><a href=/deep>12</a><a href=/busy>13</a><a href=/self>14</a><a "
    "href=/bad-redirect>15</a><a href=/long>16</a><a href=/bad-length>17</a><a href=/bad-chunk>18</a>"
    "<a href=/bomb>19</a><a href=/unknown-encoding>20</a>";

std::string zeros_gzipped(std::size_t size) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
  const std::string zeros(100'000, '\0');
  std::string out(size / 500, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  for (std::size_t done = 0; done < size; done += zeros.size()) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
    stream.avail_in = static_cast<uInt>(zeros.size());
    deflate(&stream, done + zeros.size() < size ? Z_NO_FLUSH : Z_FINISH);
  }
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void say(const Asked& asked, Answer& answer) {
  const std::string& target = asked.target;
  if (target == "/robots.txt") {
    std::string rules = "User-agent: *\nDisallow: /early\n";
    while (rules.size() < 3'000'000) rules += "Disallow: /filler\n";
    return answer.page(rules, "text/plain");
  }
  if (target == "/") return answer.page(front);
  if (target.starts_with("/redirects/")) {
    return answer.status(
        302, "Location: /redirects/" + std::to_string(std::atoi(target.c_str() + 11) + 1) + "\r\n");
  }
  if (target == "/self") return answer.status(302, "Location: /self\r\n");
  if (target == "/bad-redirect") return answer.status(302, "Location: gopher://x/\r\n");
  if (target == "/endless") {
    answer.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
    while (answer.write(std::string(100'000, 'x'))) {
    }
  } else if (target == "/headers") {
    answer.write("HTTP/1.1 200 OK\r\n");
    while (answer.write("X-More: " + std::string(1000, 'x') + "\r\n")) {
    }
  } else if (target == "/drip") {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    const timespec moment{0, 50'000'000};
    while (answer.write("x")) nanosleep(&moment, nullptr);
  } else if (target == "/short") {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    answer.close();
  } else if (target == "/long") {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more than was announced");
    answer.close();
  } else if (target == "/bad-length") {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello");
    answer.close();
  } else if (target == "/bad-chunk") {
    answer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\nhello");
    answer.close();
  } else if (target == "/bomb") {
    answer.page(zeros_gzipped(200'000'000), "text/html", "Content-Encoding: gzip\r\n");
  } else if (target == "/unknown-encoding") {
    answer.page("hello", "text/html", "Content-Encoding: zstd\r\n");
  } else if (target == "/nothing") {
    answer.close();
  } else if (target == "/broken-gzip") {
    answer.page("\x1f\x8b\x08 no gzip at all", "text/html", "Content-Encoding: gzip\r\n");
  } else if (target == "/wrong-charset") {
    answer.page("<a href=/found-all-the-same>\xff\xfe\xfa</a>", "text/html; charset=utf-7-bogus");
  } else if (target == "/cookies") {
    std::string cookies;
    for (int i = 0; i < 100; ++i) cookies += "Set-Cookie: c" + std::to_string(i) + "=1\r\n";
    answer.page("", "text/html", cookies);
  } else if (target == "/deep") {
    std::string page;
    for (int i = 0; i < 150'000; ++i) page += "<div>";
    answer.page(page + "<a href=/under-the-divs>");
  } else if (target == "/busy") {
    answer.status(503);
  } else if (target.starts_with("/trap/")) {
    answer.page("<a href='" + target + "deeper/'>a</a><a href='" + target + std::to_string(target.size()) +
                "/'>b</a>");
  } else {
    answer.page("");
  }
}

class HostileCrawl : public ::testing::Test {
 protected:
  std::string outcome(const std::string& target) {
    const auto found = pages_.find(server_.url(target));
    if (found == pages_.end()) return "not there";
    const Json& line = found->second;
    return line.value("error", std::to_string(line.value("status", 0)));
  }

  CrawlStack crawl_;
  ScriptedServer server_{say};
  std::map<std::string, Json> pages_;
  std::atomic<int> port_ = 0;
};

TEST_F(HostileCrawl, EndsInBoundedMemoryAndReportsEach) {
  // A trap of 2^n pages is bounded by the depth, and by what no address of a person looks like.
  crawl_.crawl({server_.url("/"),
                "-o",
                crawl_.directory(),
                "--delay",
                "0",
                "--per-host",
                "16",
                "--retry",
                "10ms",
                "--attempts",
                "2",
                "--timeout",
                "4",
                "--size-max",
                "1000000",
                "--depth",
                "8",
                "--processes",
                "1",
                "--threads",
                "16"});
  pages_ = crawl_.pages();
  EXPECT_EQ(outcome("/redirects/10"), "too_many_redirects");
  EXPECT_EQ(outcome("/self"), "302");
  EXPECT_EQ(outcome("/bad-redirect"), "bad_redirect");
  EXPECT_EQ(outcome("/endless"), "too_large");
  EXPECT_EQ(outcome("/headers"), "too_large");
  EXPECT_EQ(outcome("/drip"), "timeout");
  EXPECT_EQ(outcome("/short"), "incomplete");
  EXPECT_EQ(outcome("/nothing"), "incomplete");
  EXPECT_EQ(outcome("/broken-gzip"), "bad_encoding");
  EXPECT_EQ(outcome("/long"), "200");
  EXPECT_EQ(outcome("/bad-length"), "bad_answer");
  EXPECT_EQ(outcome("/bad-chunk"), "incomplete");
  EXPECT_EQ(outcome("/bomb"), "bad_encoding");
  EXPECT_EQ(outcome("/unknown-encoding"), "bad_encoding");
  EXPECT_EQ(outcome("/busy"), "server error");
  EXPECT_EQ(outcome("/cookies"), "200");
  EXPECT_EQ(outcome("/found-all-the-same"), "200");
  EXPECT_EQ(outcome("/under-the-divs"), "200");
  EXPECT_LT(pages_.size(), 600U);
  for (const Asked& asked : server_.asked()) EXPECT_THAT(asked.head, ::testing::Not(HasSubstr("Cookie:")));
  EXPECT_EQ(pages_.at(server_.url("/busy")).at("attempt"), 2);
  EXPECT_EQ(pages_.at(server_.url("/long")).at("size"), 5);
  const std::string report = crawl_.report();
  for (const char* word : {"too_many_redirects", "bad_redirect", "too_large", "timeout", "incomplete",
                           "bad_answer", "bad_encoding", "server error"}) {
    EXPECT_THAT(report, HasSubstr(word));
  }
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  EXPECT_LT(used.ru_maxrss, 600'000) << "KiB of the largest process";
}

TEST_F(HostileCrawl, RobotsThatCannotBeHadAllowNothing) {
  ScriptedServer broken([](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt") return answer.status(500);
    answer.page("<a href=/other>");
  });
  crawl_.crawl(
      {broken.url("/"), "-o", crawl_.directory(), "--delay", "0", "--retry", "10ms", "--attempts", "2"});
  EXPECT_EQ(crawl_.pages().at(broken.url("/")).at("error"), "robots_unreachable");
  for (const Asked& asked : broken.asked()) EXPECT_EQ(asked.target, "/robots.txt");
}

TEST_F(HostileCrawl, RobotsAreFollowedToAnotherHost) {
  ScriptedServer moved([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt" && asked.host == "127.0.0.1") {
      return answer.status(301, "Location: http://127.0.0.2:" + std::to_string(port_) + "/rules\r\n");
    }
    if (asked.target == "/rules") return answer.page("User-agent: *\nDisallow: /no\n", "text/plain");
    answer.page("<a href=/no><a href=/yes>");
  });
  port_ = moved.port();
  crawl_.crawl({moved.url("/"), "-o", crawl_.directory(), "--delay", "0"});
  std::set<std::string> urls;
  for (const auto& [url, line] : crawl_.pages()) urls.insert(url);
  EXPECT_EQ(urls, (std::set<std::string>{moved.url("/"), moved.url("/yes")}));
}

}  // namespace
}  // namespace joinery::testing
