// robots.txt as RFC 9309 reads it.
#include "robots/robots.h"

#include <gmock/gmock.h>

namespace crawler {
namespace {

using ::testing::ElementsAre;

Robots robots(std::string_view text) { return Robots::parse(text, "joinery-crawl"); }

TEST(Robots, WithoutRulesEverythingIsAllowed) {
  EXPECT_TRUE(robots("").allows("/a"));
  EXPECT_TRUE(robots("User-agent: *\nDisallow:\n").allows("/a"));
  EXPECT_TRUE(robots("<html>no robots here</html>").allows("/a"));
  EXPECT_FALSE(Robots::disallow_all().allows("/a"));
  EXPECT_TRUE(Robots::disallow_all().allows("/robots.txt"));
}

TEST(Robots, TheGroupThatNamesUsGoesBeforeThatOfAll) {
  const Robots ours = robots(
      "User-agent: *\nDisallow: /\n\n"
      "user-AGENT : Joinery-Crawl/2.0 # us\nDisallow: /private\n"
      "User-agent: other\nDisallow: /public\n");
  EXPECT_TRUE(ours.allows("/public"));
  EXPECT_FALSE(ours.allows("/private/x"));
}

TEST(Robots, GroupsOfOneAgentAreOne) {
  const Robots ours = robots(
      "User-agent: joinery-crawl\nUser-agent: other\nDisallow: /a\n"
      "User-agent: third\nDisallow: /b\n"
      "User-agent: joinery-crawl\nDisallow: /c\n");
  EXPECT_FALSE(ours.allows("/a"));
  EXPECT_TRUE(ours.allows("/b"));
  EXPECT_FALSE(ours.allows("/c"));
}

TEST(Robots, TheLongestMatchHoldsAndAllowWinsATie) {
  const Robots ours = robots(
      "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\nDisallow: /x\nAllow: "
      "/x\n");
  EXPECT_TRUE(ours.allows("/example/page/a.html"));
  EXPECT_FALSE(ours.allows("/example/page/disallowed.gif"));
  EXPECT_TRUE(ours.allows("/x"));
}

TEST(Robots, StarsAndDollars) {
  const Robots ours =
      robots("User-agent: *\nDisallow: /*.gif$\nDisallow: *a*b*c\nDisallow: /end$\nDisallow: /$\n");
  EXPECT_FALSE(ours.allows("/x.gif"));
  EXPECT_TRUE(ours.allows("/x.gif?y"));
  EXPECT_FALSE(ours.allows("/.gif/.gif"));
  EXPECT_FALSE(ours.allows("/xaxbxc"));
  EXPECT_TRUE(ours.allows("/xaxcxb"));
  EXPECT_FALSE(ours.allows("/end"));
  EXPECT_TRUE(ours.allows("/endless"));
  EXPECT_FALSE(ours.allows("/"));
}

TEST(Robots, EscapesAreComparedInTheirNormalForm) {
  const Robots ours = robots("User-agent: *\nDisallow: /foo/b%61r\nDisallow: /\xc3\xa4\nDisallow: /%2f\n");
  EXPECT_FALSE(ours.allows("/foo/bar"));
  EXPECT_FALSE(ours.allows("/%C3%A4"));
  EXPECT_FALSE(ours.allows("/%2F"));
  EXPECT_TRUE(ours.allows("//"));
}

TEST(Robots, AnyLineEndAndAByteOrderMark) {
  EXPECT_FALSE(robots("\xef\xbb\xbfUser-agent: *\rDisallow: /a\r\nAllow: /b").allows("/a"));
}

TEST(Robots, CrawlDelayAndSitemaps) {
  const Robots ours = robots(
      "Sitemap: http://a/s.xml\nUser-agent: *\nCrawl-delay: 2.5\nDisallow: /x\nsitemap: http://a/t.xml\n");
  EXPECT_EQ(ours.crawl_delay(), std::chrono::milliseconds(2500));
  EXPECT_THAT(ours.sitemaps(), ElementsAre("http://a/s.xml", "http://a/t.xml"));
  EXPECT_EQ(robots("User-agent: *\nCrawl-delay: soon\n").crawl_delay(), std::nullopt);
}

TEST(Robots, MegabytesAreReadUpToTheLimit) {
  std::string text = "User-agent: *\nDisallow: /early\n";
  while (text.size() < 4U << 20U) text += "Disallow: /filler\n";
  text += "Disallow: /late\n";
  const Robots ours = robots(text);
  EXPECT_FALSE(ours.allows("/early"));
  EXPECT_TRUE(ours.allows("/late"));
}

TEST(Robots, ManyStarsCostNoTime) {
  const Robots ours = robots("User-agent: *\nDisallow: " + std::string("/") + [] {
    std::string stars;
    for (int i = 0; i < 10'000; ++i) stars += "*a";
    return stars;
  }() + "b$\n");
  EXPECT_TRUE(ours.allows("/" + std::string(20'000, 'a')));
}

}  // namespace
}  // namespace crawler
