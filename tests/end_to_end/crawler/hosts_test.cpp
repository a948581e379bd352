// Many hosts: each is asked by one at a time and never closer than its delay, and none waits for another.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>

#include "crawl.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::Clock;
using crawler::testing::ScriptedServer;
using ByHost = std::map<std::string, std::vector<Asked>>;

ByHost by_host(const ScriptedServer& server) {
  ByHost out;
  for (const Asked& asked : server.asked()) out[asked.host].push_back(asked);
  for (auto& [host, requests] : out) std::ranges::sort(requests, {}, &Asked::begin);
  return out;
}

// What the server saw: from the end of an answer to the next request. It sees a request after it was sent,
// and an answer's end before the client does, so that a loaded machine makes it no shorter. (Delays go by the
// wall clock, this by the steady one.)
void expect_apart(const std::vector<Asked>& requests, Clock::duration delay) {
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_GE(requests[i].begin - requests[i - 1].end, delay - 1ms)
        << requests[i].host << requests[i].target << " after " << requests[i - 1].target;
  }
}

// "127.0.0.2" and so on; the seeds are on 127.0.0.1.
std::string host(int number) { return "127.0.0." + std::to_string(number + 2); }

class ManyHosts : public ::testing::Test {
 protected:
  // A page with links to these targets on other hosts.
  std::string links_to(int hosts, const std::string& target) const {
    std::string page;
    for (int i = 0; i < hosts; ++i) page += "<a href='" + serving_.load()->url(target, host(i)) + "'>";
    return page;
  }
  void serve(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    serving_ = server_.get();
  }
  std::vector<std::string> options(std::vector<std::string> more) const {
    std::vector<std::string> out{server_->url("/start"), "-o", crawl_.directory(), "--any-host"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  CrawlStack crawl_;
  std::unique_ptr<ScriptedServer> server_;
  std::atomic<const ScriptedServer*> serving_ = nullptr;  // for scripts, which run in threads of the server
};

TEST_F(ManyHosts, EachHasItsDelayAndNoneWaitsForAnother) {
  constexpr int hosts = 50;
  constexpr int pages = 5;
  serve([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt") return answer.status(404);
    if (asked.target == "/start") return answer.page(links_to(hosts, "/"));
    std::string page;
    for (int i = 1; i < pages; ++i) page += "<a href=/" + std::to_string(i) + ">";
    answer.page(page);
  });
  crawl_.crawl(options({"--delay", "300ms", "--processes", "2", "--threads", "8"}));
  EXPECT_EQ(crawl_.pages().size(), 1U + hosts * pages);

  const ByHost requests = by_host(*server_);
  EXPECT_EQ(requests.size(), 1U + hosts);
  Clock::time_point first = Clock::time_point::max();
  Clock::time_point last = Clock::time_point::min();
  for (const auto& [name, its] : requests) {
    expect_apart(its, 300ms);
    first = std::min(first, its.front().begin);
    last = std::max(last, its.back().end);
  }
  // Of each host (pages and robots.txt) times 300 ms is the least; one host after the other would take 50
  // times that.
  EXPECT_LT(last - first, 300ms * (pages + 1) * 10);
}

// Holds back its answers until as many requests are under way as there are fetchers, or hosts that have pages
// left. If one fetcher slept while a host is ready, nobody would ever be answered.
class Full {
 public:
  Full(std::size_t fetchers, int hosts, int requests) : fetchers_(fetchers) {
    for (int i = 0; i < hosts; ++i) left_[host(i)] = requests;
  }
  // Says false if it did not come to that.
  bool wait_for_all(const std::string& name) {
    std::unique_lock guard(mutex_);
    const std::size_t round = round_;
    waiting_.push_back(name);
    if (waiting_.size() == std::min(fetchers_, left_.size())) {
      ++round_;
      for (const std::string& each : waiting_) {
        if (--left_.at(each) == 0) left_.erase(each);
      }
      waiting_.clear();
      changed_.notify_all();
    }
    return changed_.wait_for(guard, 30s, [&] { return round_ != round; });
  }
  std::size_t left() {
    const std::lock_guard guard(mutex_);
    return left_.size();
  }

 private:
  const std::size_t fetchers_;
  std::map<std::string, int> left_;  // requests, by host
  std::vector<std::string> waiting_;
  std::size_t round_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST_F(ManyHosts, NoFetcherIsIdleWhileAHostIsReady) {
  constexpr int hosts = 50;
  constexpr int pages = 6;
  Full full(16, hosts, pages + 1);  // and robots.txt
  serve([&](const Asked& asked, Answer& answer) {
    if (asked.host != "127.0.0.1") {
      EXPECT_TRUE(full.wait_for_all(asked.host)) << full.left() << " hosts have pages left";
    }
    if (asked.target == "/robots.txt") return answer.status(404);
    if (asked.target == "/start") return answer.page(links_to(hosts, "/"));
    std::string page;
    for (int i = 1; i < pages; ++i) page += "<a href=/" + std::to_string(i) + ">";
    answer.page(page);
  });
  crawl_.crawl(options({"--delay", "20ms", "--processes", "2", "--threads", "8"}));
  EXPECT_EQ(crawl_.pages().size(), 1U + hosts * pages);
  EXPECT_EQ(full.left(), 0U);
  for (const auto& [name, its] : by_host(*server_)) expect_apart(its, 20ms);
}

std::string http_date(std::time_t time) {
  char text[40];
  std::tm parts{};
  gmtime_r(&time, &parts);
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

TEST_F(ManyHosts, EachIsLeftAloneForAsLongAsItAsks) {
  std::map<std::string, std::atomic<bool>> asked_before;
  for (int i = 0; i < 4; ++i) asked_before[host(i)] = false;
  serve([&](const Asked& asked, Answer& answer) {
    const bool robots = asked.target == "/robots.txt";
    if (asked.target == "/start") return answer.page(links_to(4, "/"));
    const auto again = asked_before.find(asked.host);
    // Host 0 says it in its robots.txt, 1 and 2 at the first page, 3 instead of robots.txt.
    if (asked.host == host(0) && robots)
      return answer.page("User-agent: *\nCrawl-delay: 0.7\n", "text/plain");
    if (asked.host == host(1) && !robots && !again->second.exchange(true))
      return answer.status(429, "Retry-After: 2\r\n");
    if (asked.host == host(2) && !robots && !again->second.exchange(true))
      return answer.status(503, "Retry-After: " + http_date(std::time(nullptr) + 3) + "\r\n");
    if (asked.host == host(3) && !again->second.exchange(true))
      return answer.status(503, "Retry-After: 2\r\n");
    if (robots) return answer.status(404);
    answer.page("<a href=/b><a href=/c>");
  });
  crawl_.crawl(options({"--delay", "100ms", "--retry", "10ms", "--processes", "1"}));
  ByHost requests = by_host(*server_);
  expect_apart(requests.at(host(0)), 700ms);
  for (const int i : {1, 2, 3}) {
    auto& its = requests.at(host(i));
    EXPECT_EQ(its.size(), 5U) << "robots.txt, three pages, and the one that was asked for again";
    expect_apart(its, 100ms);
    const auto refused = i == 3 ? its.begin() : its.begin() + 1;
    EXPECT_GE((refused + 1)->begin - refused->end, 1900ms) << host(i);
  }
  for (const auto& [url, line] : crawl_.pages()) EXPECT_EQ(line.at("status"), 200) << url;
  EXPECT_EQ(crawl_.stack.joinery({"--json", "limit", "ls"}).out, "[]\n") << "the crawl's limits go with it";
}

// Redirects lead to and fro between hosts, also those of robots.txt.
TEST_F(ManyHosts, ARedirectComesInTheTurnOfItsTarget) {
  constexpr int hosts = 4;
  serve([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/start") return answer.page(links_to(hosts, "/a") + links_to(hosts, "/b"));
    const int number = std::atoi(asked.host.c_str() + 8) - 2;
    const auto there = [&](const std::string& target) {
      answer.status(302, "Location: " + serving_.load()->url(target, host((number + 1) % hosts)) + "\r\n");
    };
    if (asked.target == "/robots.txt")
      return number >= 0 && number % 2 == 0 ? there("/rules") : answer.status(404);
    if (asked.target == "/a") return there("/c");
    if (asked.target == "/b") return there("/d");
    answer.page("", "text/plain");
  });
  crawl_.crawl(options({"--delay", "150ms", "--processes", "2", "--threads", "4"}));
  EXPECT_EQ(crawl_.pages().size(), 1U + hosts * 4);
  for (const auto& [name, its] : by_host(*server_)) expect_apart(its, 150ms);
}

// The last moment of a killed process may have been a request.
TEST_F(ManyHosts, ADeathBringsNoRequestEarly) {
  constexpr int hosts = 4;
  constexpr int pages = 12;
  // The server may see a dead process's request later than that process's parent its death.
  constexpr auto late = 100ms;
  serve([&](const Asked& asked, Answer& answer) {
    if (asked.target == "/robots.txt") return answer.status(404);
    if (asked.target == "/start") return answer.page(links_to(hosts, "/"));
    const timespec moment{0, 100'000'000};
    nanosleep(&moment, nullptr);  // so that most deaths are in the middle of a fetch
    std::string page;
    for (int i = 1; i < pages; ++i) page += "<a href=/" + std::to_string(i) + ">";
    answer.page(page);
  });
  std::mt19937 random = seeded_random();
  const auto process =
      crawl_.start(options({"--delay", "300ms", "--retry", "10ms", "--processes", "2", "--threads", "4"}));
  for (int deaths = 0; deaths < 4 && process->running(); ++deaths) {
    const std::size_t until = server_->asked().size() + 6 + random() % 6;
    eventually([&] { return server_->asked().size() > until || !process->running(); });
    const auto workers = children_of(process->pid());
    const auto pools = workers.empty() ? workers : children_of(workers.front());
    if (deaths == 2 && !workers.empty()) {
      kill(workers.front(), SIGKILL);
    } else if (!pools.empty()) {
      kill(pools[random() % pools.size()], SIGKILL);
    }
  }
  EXPECT_EQ(process->wait(100s), 0) << process->out() << process->err();
  EXPECT_EQ(crawl_.pages().size(), 1U + hosts * pages);
  for (const auto& [name, its] : by_host(*server_)) {
    for (std::size_t i = 1; i < its.size(); ++i) {
      EXPECT_GE(its[i].begin - its[i - 1].begin, 300ms - late)
          << its[i].host << its[i].target << " after " << its[i - 1].target;
    }
  }
}

}  // namespace
}  // namespace joinery::testing
