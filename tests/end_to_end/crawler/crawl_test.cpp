// Whole crawls: which pages, how often, and what is left of them, also when processes are killed.
#include "crawl.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace joinery::testing {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;

// A site of pages that link to each other as those of a manual do: to the front page, to neighbours, into the
// depth.
class Manual {
 public:
  explicit Manual(int pages) : pages_(pages) {}

  void say(const Asked& asked, Answer& answer) const {
    if (asked.target == "/robots.txt")
      return answer.page("User-agent: *\nDisallow: /doc/secret\n", "text/plain");
    if (asked.target == "/doc/old") return answer.status(301, "Location: /doc/1\r\n");
    if (asked.target == "/doc/style.css") return answer.page("p { background: url(back.png) }", "text/css");
    if (asked.target == "/doc/back.png") return answer.page("png", "image/png");
    int number = -1;
    if (asked.target.starts_with("/doc/")) number = std::atoi(asked.target.c_str() + 5);
    if (number < 0 || number >= pages_ || asked.target != "/doc/" + std::to_string(number))
      return answer.status(404);
    std::string page =
        "<title>page</title><link rel=stylesheet href=style.css><a href=0>front</a> <a href='/elsewhere'>out "
        "of scope</a>";
    for (const int to : {number * 2 + 1, number * 2 + 2, number + 1, number / 2}) {
      if (to < pages_) page += "<a href='/doc/./" + std::to_string(to) + "#part'>x</a>";
    }
    if (number == 3)
      page +=
          "<a href=gone>gone</a><a href=old>old</a><a href=secret>secret</a><a rel=nofollow "
          "href=hidden>hidden</a>";
    answer.page(page);
  }

  // Paths that a whole crawl of it asks for, once each.
  std::set<std::string> expected() const {
    std::set<std::string> out{"/robots.txt", "/doc/old", "/doc/gone", "/doc/style.css", "/doc/back.png"};
    for (int i = 0; i < pages_; ++i) out.insert("/doc/" + std::to_string(i));
    return out;
  }

 private:
  int pages_;
};

class Crawl : public ::testing::Test {
 protected:
  std::map<std::string, int> times_asked() const {
    std::map<std::string, int> out;
    for (const Asked& asked : server_.asked()) ++out[asked.target];
    return out;
  }
  std::vector<std::string> options(std::vector<std::string> more = {}) const {
    std::vector<std::string> out{
        server_.url("/doc/0"), "-o", crawl_.directory(), "--delay", "0", "--per-host", "8", "--retry", "10ms",
        "--processes",         "2",  "--threads",        "4"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  std::uint64_t deliveries_beyond_the_first() {
    const Json jobs =
        Json::parse(crawl_.stack.joinery({"--json", "job", "ls", "--finished", "--most", "10000"}).out);
    EXPECT_GE(jobs.size(), 404U);
    std::uint64_t more = 0;
    for (const Json& job : jobs)
      more += std::max(job.at("attempt").get<std::uint64_t>(), std::uint64_t{1}) - 1;
    return more;
  }

  const Manual manual_{400};
  CrawlStack crawl_;
  std::atomic<bool> slow_ = false;  // so that there is a crawl to be interrupted
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) {
    const timespec moment{0, 20'000'000};
    if (slow_) nanosleep(&moment, nullptr);
    manual_.say(asked, answer);
  }};
};

TEST_F(Crawl, RefusesATimeThatIsNoneAndAHeaderInTheUserAgent) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--delay", "nan"}, {"--delay", "-1"}, {"--delay", "2d"}, {"--user-agent", "a\r\nX-Evil: y"}}) {
    auto process = crawl_.start(options(wrong));
    EXPECT_NE(process->wait(), 0) << wrong[1];
    EXPECT_THAT(process->err(), HasSubstr(wrong[0]));
  }
  EXPECT_TRUE(times_asked().empty());
}

TEST_F(Crawl, AsksForEachPageOnceAndEndsWithTheLastOne) {
  EXPECT_THAT(crawl_.crawl(options()), HasSubstr("done: 404 pages of 1 hosts"));
  std::set<std::string> targets;
  std::uint64_t again = 0;
  std::string which;
  for (const auto& [target, times] : times_asked()) {
    targets.insert(target);
    if (target == "/robots.txt" || times == 1) continue;
    again += static_cast<std::uint64_t>(times - 1);
    which += " " + target;
  }
  EXPECT_EQ(targets, manual_.expected());
  // Jobs run at least once: a delivery that was lost or failed, as on a machine that is too busy, is repeated
  // and may ask again. Without one, each page is asked for once.
  EXPECT_LE(again, deliveries_beyond_the_first()) << which;

  const auto pages = crawl_.pages();
  EXPECT_EQ(pages.size(), 404U);
  EXPECT_EQ(pages.at(server_.url("/doc/old")).at("location"), "/doc/1");
  EXPECT_EQ(pages.at(server_.url("/doc/gone")).at("status"), 404);
  EXPECT_EQ(pages.at(server_.url("/doc/3")).at("title"), "page");
  EXPECT_EQ(pages.at(server_.url("/doc/3")).at("disallowed"), 1);
  const std::string report = crawl_.report();
  EXPECT_THAT(report, HasSubstr("Dead links: 1"));
  EXPECT_THAT(report, HasSubstr(server_.url("/doc/gone")));
  EXPECT_THAT(report, HasSubstr("<svg"));
}

TEST_F(Crawl, EachPageIsARecordOfItsWarcFile) {
  crawl_.crawl(options({"--depth", "2"}));
  for (const auto& [url, line] : crawl_.pages()) {
    const std::string record = crawl_.warc_record(line);
    EXPECT_TRUE(record.starts_with("WARC/1.0\r\nWARC-Type: response\r\n"));
    EXPECT_THAT(record, HasSubstr("WARC-Target-URI: " + url + "\r\n"));
    EXPECT_THAT(record, HasSubstr("\r\n\r\nHTTP/1.1 " + std::to_string(line.at("status").get<int>())));
    EXPECT_TRUE(record.ends_with("\r\n\r\n"));
  }
}

TEST_F(Crawl, DepthRegularExpressionsAndPagesBoundIt) {
  crawl_.crawl(options({"--depth", "1", "--no-resources", "--exclude", "/2$"}));
  std::set<std::string> urls;
  for (const auto& [url, line] : crawl_.pages()) urls.insert(url);
  EXPECT_EQ(urls, (std::set<std::string>{server_.url("/doc/0"), server_.url("/doc/1")}));
}

TEST_F(Crawl, IsResumedAfterAnInterruption) {
  slow_ = true;
  auto process = crawl_.start(options());
  ASSERT_TRUE(eventually([&] { return server_.asked().size() > 50; }));
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(), 130);
  EXPECT_THAT(process->out(), HasSubstr("joinery-crawl resume "));
  EXPECT_LT(crawl_.pages().size(), 404U);
  crawl_.crawl({"resume", crawl_.directory()});
  EXPECT_EQ(crawl_.pages().size(), 404U);
  for (const auto& [target, times] : times_asked()) {
    if (target == "/robots.txt") continue;
    EXPECT_EQ(times, 1) << target;
  }
}

TEST_F(Crawl, IsCancelledAsAWhole) {
  slow_ = true;
  auto process = crawl_.start(options());
  ASSERT_TRUE(eventually([&] { return server_.asked().size() > 20; }));
  crawl_.crawl({"cancel", crawl_.directory()});
  EXPECT_EQ(process->wait(), 0);
  EXPECT_LT(crawl_.pages().size(), 404U);
}

// Nothing is lost by a death, and what is done twice counts once.
TEST_F(Crawl, HasTheSamePagesWhateverIsKilled) {
  slow_ = true;
  std::mt19937 random = seeded_random();
  auto process = crawl_.start(options());
  for (int i = 0; i < 6; ++i) {
    const std::size_t until = server_.asked().size() + 10 + random() % 40;
    eventually([&] { return server_.asked().size() > until || !process->running(); });
    if (!process->running()) break;
    crawl_.kill_something(process, random);
  }
  EXPECT_EQ(process->wait(std::chrono::seconds(100)), 0) << process->out() << process->err();
  std::set<std::string> urls;
  for (const auto& [url, line] : crawl_.pages()) urls.insert(url);
  std::set<std::string> expected;
  for (const std::string& target : manual_.expected()) {
    if (target != "/robots.txt") expected.insert(server_.url(target));
  }
  EXPECT_EQ(urls, expected);
}

}  // namespace
}  // namespace joinery::testing
