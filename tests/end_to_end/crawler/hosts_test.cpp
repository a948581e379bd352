// Many hosts: each is asked by one at a time and never closer than its delay, and none waits for another.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>

#include "crawl.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::Clock;
using crawler::testing::ScriptedServer;

// A request is seen here a little after it was sent, so two may seem closer than they were sent.
constexpr auto late = 100ms;

std::map<std::string, std::vector<Asked>> by_host(const ScriptedServer& server) {
  std::map<std::string, std::vector<Asked>> out;
  for (const Asked& asked : server.asked()) out[asked.host].push_back(asked);
  for (auto& [host, requests] : out) std::ranges::sort(requests, {}, &Asked::begin);
  return out;
}

void expect_apart(const std::vector<Asked>& requests, Clock::duration delay) {
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_GE(requests[i].begin, requests[i - 1].end)
        << requests[i].host << requests[i].target << ": two at a time";
    EXPECT_GE(requests[i].begin - requests[i - 1].begin, delay - late)
        << requests[i].host << requests[i].target << " after " << requests[i - 1].target;
  }
}

TEST(ManyHosts, EachHasItsDelayAndNoneWaitsForAnother) {
  constexpr int hosts = 50;
  constexpr int pages = 5;
  std::atomic<int> port = 0;
  ScriptedServer server([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt") return answer.status(404);
    std::string page;
    if (asked.target == "/start") {
      for (int i = 2; i < 2 + hosts; ++i)
        page += "<a href='http://127.0.0." + std::to_string(i) + ":" + std::to_string(port) + "/'>";
    } else {
      for (int i = 1; i < pages; ++i) page += "<a href=/" + std::to_string(i) + ">";
    }
    answer.page(page);
  });
  port = server.port();
  CrawlStack crawl;
  crawl.crawl({server.url("/start"), "-o", crawl.directory(), "--any-host", "--delay", "300ms", "--processes",
               "2", "--threads", "8"});
  EXPECT_EQ(crawl.pages().size(), 1U + hosts * pages);

  const auto requests = by_host(server);
  EXPECT_EQ(requests.size(), 1U + hosts);
  Clock::time_point first = Clock::time_point::max();
  Clock::time_point last = Clock::time_point::min();
  for (const auto& [host, its] : requests) {
    expect_apart(its, 300ms);
    first = std::min(first, its.front().begin);
    last = std::max(last, its.back().end);
  }
  // One host after the other would take 50 times (pages and robots.txt) 300 ms.
  EXPECT_LT(last - first, 300ms * hosts * (pages + 1) / 5);
}

TEST(ManyHosts, CrawlDelayAndRetryAfterAreThoseOfTheHost) {
  std::atomic<int> port = 0;
  std::atomic<bool> busy = true;
  ScriptedServer server([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt") {
      return asked.host == "127.0.0.2" ? answer.page("User-agent: *\nCrawl-delay: 0.6\n", "text/plain")
                                       : answer.status(404);
    }
    if (asked.target == "/busy" && busy.exchange(false)) return answer.status(429, "Retry-After: 2\r\n");
    const std::string other = "http://127.0.0.2:" + std::to_string(port);
    answer.page(asked.host == "127.0.0.1" ? "<a href=/busy><a href=/b><a href='" + other + "/'>"
                                          : "<a href=/c><a href=/d>");
  });
  port = server.port();
  CrawlStack crawl;
  crawl.crawl({server.url("/"), "-o", crawl.directory(), "--any-host", "--delay", "150ms", "--retry", "10ms",
               "--processes", "1"});
  const auto requests = by_host(server);
  expect_apart(requests.at("127.0.0.2"), 600ms);
  const auto& ours = requests.at("127.0.0.1");
  expect_apart(ours, 150ms);
  const auto asked_busy = std::ranges::find(ours, "/busy", &Asked::target);
  ASSERT_NE(asked_busy + 1, ours.end());
  EXPECT_GE((asked_busy + 1)->begin - asked_busy->begin, 2s - late);
  EXPECT_EQ(crawl.pages().at(server.url("/busy")).at("status"), 200);
}

}  // namespace
}  // namespace joinery::testing
