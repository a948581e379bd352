// A real site of thousands of pages, the C and C++ reference of Debian, over a real server: its pages are
// those that wget --recursive finds, whatever is killed on the way. Left out where its packages are not
// installed.
#include <gmock/gmock.h>

#include <filesystem>

#include "crawl.h"
#include "nginx.h"
#include "url/escape.h"

namespace joinery::testing {
namespace {

namespace fs = std::filesystem;
using Pages = std::set<std::string>;

constexpr const char* site = "/usr/share/cppreference/doc/html";

class RealSite : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Nginx::installed() || !fs::exists("/usr/bin/wget") || !fs::exists(site))
      GTEST_SKIP() << "needs cppreference-doc-en-html, nginx-light and wget";
    server_ = std::make_unique<Nginx>("", std::string("root ") + site + ";");
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  std::string front_page() const { return "http://" + host() + "/en/index.html"; }

  Pages wget() const {
    const std::string into = crawl_.stack.dir() / "wget";
    run({"/usr/bin/wget", "--recursive", "--level=inf", "--no-parent", "--no-verbose", "-e", "robots=off",
         "--directory-prefix=" + into, front_page()});
    Pages pages;
    for (const auto& entry : fs::recursive_directory_iterator(into + "/" + host())) {
      if (!entry.is_regular_file()) continue;
      pages.insert(crawler::unescape(entry.path().string().substr(into.size() + 1 + host().size())));
    }
    return pages;
  }
  // Each stands there once, or pages() fails the test.
  Pages crawled() const {
    Pages pages;
    for (const auto& [url, line] : crawl_.pages()) {
      if (line.value("status", 0) == 200)
        pages.insert(crawler::unescape(url.substr(std::string("http://").size() + host().size())));
    }
    return pages;
  }
  std::vector<std::string> options() const {
    return {front_page(), "-o",          crawl_.directory(),
            "--delay",    "0",           "--per-host",
            "16",         "--no-robots", "--no-resources",
            "--retry",    "10ms",        "--processes",
            "2",          "--threads",   "8"};
  }

  CrawlStack crawl_;
  std::unique_ptr<Nginx> server_;
};

TEST_F(RealSite, HasThePagesThatWgetFinds) {
  crawl_.crawl(options());
  const Pages pages = crawled();
  EXPECT_GT(pages.size(), 1000U);
  EXPECT_EQ(pages, wget());
}

TEST_F(RealSite, HasThemWhateverIsKilled) {
  std::mt19937 random = seeded_random();
  const auto written = [&] {  // how far it is
    std::uintmax_t bytes = 0;
    std::error_code gone;
    for (const auto& part : fs::directory_iterator(crawl_.directory() + "/warc", gone))
      bytes += fs::file_size(part, gone);
    return bytes;
  };
  auto process = crawl_.start(options());
  for (int deaths = 0; deaths < 6; ++deaths) {
    const std::uintmax_t until = written() + 1'000'000 + random() % 4'000'000;
    eventually([&] { return written() > until || !process->running(); });
    if (!process->running()) break;
    crawl_.kill_something(process, random);
  }
  EXPECT_EQ(process->wait(std::chrono::seconds(100)), 0) << process->out() << process->err();
  EXPECT_EQ(crawled(), wget());
}

}  // namespace
}  // namespace joinery::testing
