// What is taken: content types, and the pages of sitemaps.
#include <gmock/gmock.h>
#include <zlib.h>

#include "crawl.h"

namespace joinery::testing {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;
using ::testing::Not;

// Paths, and whether they are kept.
std::map<std::string, bool> kept(const CrawlStack& crawl, const ScriptedServer& server) {
  std::map<std::string, bool> out;
  for (const auto& [url, line] : crawl.pages()) {
    EXPECT_EQ(line.value("kept", true), line.contains("warc")) << line;
    EXPECT_FALSE(line.contains("error")) << line;
    out[url.substr(server.url("").size())] = line.contains("warc");
  }
  return out;
}

TEST(ContentTypes, OnlyThoseAskedForAreKeptAndOthersAreNotEvenSent) {
  ScriptedServer server([](const Asked& asked, Answer& answer) {
    if (asked.target == "/") {
      return answer.page("<link rel=stylesheet href=/s.css><a href=/film><a href=/gone><img src=/a.png>",
                         "text/html; charset=utf-8");
    }
    if (asked.target == "/s.css") return answer.page("p { background: url(/b.png) }", "text/css");
    if (asked.target.ends_with(".png")) return answer.page("png", "Image/PNG");
    if (asked.target != "/film") return answer.status(404);
    answer.write("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n");
    while (answer.write(std::string(100'000, 'x'))) {
    }
  });
  CrawlStack crawl;
  crawl.crawl(
      {server.url("/"), "-o", crawl.directory(), "--delay", "0", "--type", "image/", "--type", "audio/"});
  EXPECT_EQ(kept(crawl, server), (std::map<std::string, bool>{{"/", false},
                                                              {"/a.png", true},
                                                              {"/b.png", true},
                                                              {"/film", false},
                                                              {"/gone", true},
                                                              {"/s.css", false}}));
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class Sitemaps : public ::testing::Test {
 protected:
  std::string urls(const std::vector<std::string>& targets) const {
    std::string xml = "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>";
    for (const auto& target : targets) xml += "<url><loc>" + server_.url(target) + "</loc></url>";
    return xml + "</urlset>";
  }
  void say(const Asked& asked, Answer& answer) const {
    if (asked.target == "/robots.txt") {
      return answer.page(
          "User-agent: *\nDisallow: /doc/secret\nSitemap: " + server_.url("/maps/all.xml") + "\n",
          "text/plain");
    }
    if (asked.target == "/maps/all.xml") {
      return answer.page("<sitemapindex><sitemap><loc>" + server_.url("/maps/one.xml") +
                             "</loc></sitemap><sitemap><loc>" + server_.url("/maps/two.xml.gz") +
                             "</loc></sitemap><sitemap><loc>http://127.0.0.2/elsewhere.xml</loc></sitemap>"
                             "</sitemapindex>",
                         "application/xml");
    }
    if (asked.target == "/maps/one.xml")
      return answer.page(urls({"/doc/1", "/doc/2", "/other/3", "/doc/secret"}), "text/xml");
    if (asked.target == "/maps/two.xml.gz")
      return answer.page(gzipped(urls({"/doc/2", "/doc/4"})), "application/gzip");
    if (asked.target == "/maps/list.txt") return answer.page(server_.url("/doc/5") + "\n", "text/plain");
    answer.page("");
  }
  std::set<std::string> crawl(std::vector<std::string> options) {
    options.insert(options.end(), {server_.url("/doc/"), "-o", crawl_.directory(), "--delay", "0"});
    crawl_.crawl(options);
    std::set<std::string> out;
    for (const auto& [url, line] : crawl_.pages()) {
      if (line.contains("status")) out.insert(url.substr(server_.url("").size()));
    }
    return out;
  }

  CrawlStack crawl_;
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say(asked, answer); }};
};

TEST_F(Sitemaps, ThoseOfRobotsTxtLeadToPagesThatNobodyLinksTo) {
  EXPECT_EQ(crawl({"--sitemaps"}), (std::set<std::string>{"/doc/", "/maps/all.xml", "/maps/one.xml",
                                                          "/maps/two.xml.gz", "/doc/1", "/doc/2", "/doc/4"}));
}

TEST_F(Sitemaps, OneMayBeNamedOnTheCommandLine) {
  EXPECT_EQ(crawl({"--sitemap", server_.url("/maps/list.txt")}),
            (std::set<std::string>{"/doc/", "/maps/list.txt", "/doc/5"}));
}

TEST_F(Sitemaps, NobodyAsksForThemUninvited) { EXPECT_EQ(crawl({}), (std::set<std::string>{"/doc/"})); }

}  // namespace
}  // namespace joinery::testing
