// Links of pages, as a browser finds them; style sheets, srcset, encodings, sitemaps.
#include "page/page.h"

#include <gmock/gmock.h>
#include <gumbo.h>

#include <cstdlib>
#include <random>
#include <set>

#include "page/charset.h"
#include "page/sitemap.h"
#include "page/tags.h"

namespace crawler {
namespace {

using ::testing::ElementsAre;

Page page(std::string_view html, const char* url = "http://example.org/a/b.html") {
  return read_page(html, *parse_url(url), "joinery-crawl");
}
std::vector<std::string> links(const Page& page) {
  std::vector<std::string> out;
  for (const Link& link : page.links) {
    out.push_back(link.url.text().substr(std::string("http://example.org").size()) +
                  (link.kind == LinkKind::page ? "" : " r") + (link.nofollow ? " nofollow" : ""));
  }
  return out;
}

TEST(Page, LinksInTheirOrderEachOnce) {
  EXPECT_THAT(
      links(
          page("<a href=one>1</a><p><A HREF='/two#x'>2<a href=one#y><area href=three rel='noopener NoFollow'>"
               "<a href='four' rel='external nofollow'><a name=x><a href='mailto:x@y'>")),
      ElementsAre("/a/one", "/two", "/a/three nofollow", "/a/four nofollow"));
}

TEST(Page, ResourcesOfEveryKind) {
  EXPECT_THAT(links(page("<link rel=stylesheet href=/s.css><link rel=next href=/n><body background=/bg><img "
                         "src=/i srcset='/j 1x, /k 2x'>"
                         "<script src=/js></script><iframe src=/f></iframe><video src=/v poster=/p><source "
                         "srcset='/w 100w'></video>"
                         "<object data=/o></object><embed src=/e><p style=\"background:url('/c')\">")),
              ElementsAre("/s.css r", "/n", "/bg r", "/i r", "/j r", "/k r", "/js r", "/f", "/v r", "/p r",
                          "/w r", "/o r", "/e r", "/c r"));
}

TEST(Page, BaseHoldsForAllAndTheFirstOneCounts) {
  const Page read = page("<base href='/other/'><base href='/third/'><a href=x>");
  EXPECT_THAT(links(read), ElementsAre("/other/x"));
}

TEST(Page, TitleCanonicalAndRefresh) {
  const Page read = page(
      "<title> One\n  page </title><link rel=canonical href=/c><meta http-equiv=Refresh content=\"0; "
      "URL='/next'\">");
  EXPECT_EQ(read.title, "One page");
  EXPECT_EQ(read.canonical->text(), "http://example.org/c");
  EXPECT_THAT(links(read), ElementsAre("/c", "/next"));
}

TEST(Page, MetaRobotsForAllAndForUs) {
  EXPECT_TRUE(page("<meta name=ROBOTS content='noindex, follow'>").noindex);
  EXPECT_FALSE(page("<meta name=robots content='noindex, follow'>").nofollow);
  EXPECT_TRUE(page("<meta name=robots content=none>").nofollow);
  EXPECT_TRUE(page("<meta name=joinery-crawl content=nofollow>").nofollow);
  EXPECT_FALSE(page("<meta name=googlebot content=nofollow>").nofollow);
}

TEST(Page, CommentsScriptsAndBrokenMarkup) {
  EXPECT_THAT(links(page("<!-- <a href=no> --><script>'<a href=no>'</script><textarea><a href=no></textarea>"
                         "<a href=yes<b>><a href='open")),
              ElementsAre("/a/yes%3Cb"));
  EXPECT_EQ(page("<a href='http://a b/'><a href='javascript:x'>").bad_links, 1U);
}

std::string times(int number, const std::string& text) {
  std::string out;
  for (int i = 0; i < number; ++i) out += text;
  return out;
}

TEST(Page, DeepNestingCostsNoTime) {
  for (const char* tag : {"<div>", "<b>", "<table>", "<p>", "<object data=x>"}) {
    EXPECT_EQ(page(times(300'000, tag) + "<a href=y>").links.back().url.path, "/a/y") << tag;
  }
}

TEST(Page, NonsenseByTheMegabyte) {
  EXPECT_THAT(links(page(std::string("\0<a href=x>\0", 13))), ElementsAre("/a/x"));
  EXPECT_TRUE(page(std::string(1'000'000, '<')).links.empty());
  EXPECT_TRUE(page("<a " + std::string(1'000'000, 'x') + "=1 href=y").links.empty());
}

// The names of its start tags and their href, as the parser of a browser has them.
void walk(const GumboNode* node, std::vector<std::string>& out) {
  if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) return;
  const GumboElement& element = node->v.element;
  const GumboAttribute* href = gumbo_get_attribute(&element.attributes, "href");
  if (element.tag == GUMBO_TAG_A && href != nullptr) out.emplace_back(href->value);
  for (unsigned i = 0; i < element.children.length; ++i)
    walk(static_cast<const GumboNode*>(element.children.data[i]), out);
}
std::vector<std::string> by_gumbo(const std::string& html) {
  GumboOutput* output = gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size());
  std::vector<std::string> out;
  walk(output->root, out);
  gumbo_destroy_output(&kGumboDefaultOptions, output);
  return out;
}
std::vector<std::string> by_tags(const std::string& html) {
  std::vector<std::string> out;
  for (Tags tags(html); tags.next();) {
    if (const auto href = tags.attribute("href"); href && tags.name() == "a") out.push_back(*href);
  }
  return out;
}

TEST(Tags, ReadWhatAParserReads) {
  for (const char* html : {
           "<a href=x>",
           "<a href = 'x'y=z>",
           "<A\nHREF=\"a&amp;b&lt;&eacute;&copy=1&#65;&#x42&nothing;\">",
           "<a/href=x/y>",
           "<a =href=x href=y>",
           "<a href>",
           "<a href=>",
           "<a href=x href=y>",
           "<a href='>'>x",
           "<a href=\"x",
           "<a href=x",
           "</a href=x><a href=y>",
           "<!--><a href=x>-->",
           "<!---><a href=x>",
           "<!-- -- --!><a href=x>",
           "<!-- <a href=x> --",
           "<!x '><a href=y>'>",
           "<?x ?><a href=y>",
           "</ <a href=x>><a href=y>",
           "< a href=x>",
           "<script><!-- <script></script> <a href=x>--></script><a href=y>",
           "<script><!-- <script></script></script><a href=y>",
           "<script>'</scriptx>'<a href=no></script ><a href=y>",
           "<title></titlex><a href=no></TITLE/><a href=y>",
           "<textarea><!--</textarea><a href=y>-->",
           "<style><a href=no></style x><a href=y>",
           "<xmp><a href=no></xmp><a href=y>",
           "<noscript><a href=y></noscript>",
           "<template><a href=y></template>",
           "<plaintext><a href=no>",
           "<iframe><a href=no></iframe><a href=y>",
           "<a href=x>\0<a href=y>",
       }) {
    EXPECT_EQ(by_tags(html), by_gumbo(html)) << html;
  }
}

TEST(Tags, ReadWhatAParserReadsOfPagesMadeAtRandom) {
  const char* given = std::getenv("JOINERY_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atol(given)) : std::random_device()();
  std::printf("JOINERY_SEED=%u\n", seed);
  std::mt19937 random(seed);
  // Without what a tree builder moves or drops: it is the reading of tags that is compared.
  constexpr const char* pieces[] = {"<a href=",  "x",       "'",        "\"",    ">",    " ",
                                    "/",         "=",       "<!--",     "-->",   "--!>", "<script>",
                                    "</script>", "<title>", "</title>", "&amp;", "&lt",  "-",
                                    "<",         "<div>",   "</",       "<b ",   "href", "!"};
  for (int i = 0; i < 3000; ++i) {
    std::string html = "<body>";
    for (unsigned n = random() % 30; n > 0; --n) html += pieces[random() % std::size(pieces)];
    html += " '\"><a href=last>";
    // A browser opens some links again behind the block that they stood in.
    const auto ours = by_tags(html);
    const auto theirs = by_gumbo(html);
    ASSERT_EQ(std::set(ours.begin(), ours.end()), std::set(theirs.begin(), theirs.end())) << html;
  }
}

TEST(References, SrcsetAndStyleSheets) {
  EXPECT_THAT(srcset_references("a.png, b.png 2x,c.png 100w , data:x,y 3x"),
              ElementsAre("a.png", "b.png", "c.png", "data:x,y"));
  EXPECT_THAT(css_references("@import 'a.css'; @import url(b.css); /* url(no) */ p{background:URL( \"c "
                             "d.png\" )} q{x:url(data:z)}"),
              ElementsAre("a.css", "b.css", "c d.png"));
  css_references("url(");
  css_references("url('");
  css_references("@import");
  css_references("/*");
}

TEST(Charset, ByMarkHeaderMetaOrGuess) {
  EXPECT_EQ(to_utf8("\xe4", "text/html; charset=ISO-8859-1"), "ä");
  EXPECT_EQ(to_utf8(std::string("\xff\xfe\xe4\x00", 4), "text/html; charset=ISO-8859-1").substr(3), "ä");
  EXPECT_EQ(to_utf8("<meta charset=iso-8859-2>\xb1", "text/html").substr(25), "ą");
  EXPECT_EQ(to_utf8("<meta http-equiv=content-type content='text/html; charset=koi8-r'>\xc1", "").substr(66),
            "а");
  EXPECT_EQ(to_utf8("\x93quoted\x94", ""), "“quoted”");
  EXPECT_EQ(to_utf8("ä", ""), "ä");
  EXPECT_EQ(to_utf8("a\xff", "text/html; charset=shift_jis"), "a\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("same", "text/html; charset=nonsense"), "same");
}

std::vector<std::string> texts(const std::vector<Url>& urls) {
  std::vector<std::string> out;
  for (const Url& url : urls) out.push_back(url.text());
  return out;
}

TEST(Sitemap, XmlIndexAndText) {
  const Sitemap xml = read_sitemap(
      "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc> "
      "http://a/1 </loc></url>"
      "<url><loc>http://a/?a&amp;b</loc><lastmod>2020</lastmod></url></urlset>");
  EXPECT_THAT(texts(xml.pages), ElementsAre("http://a/1", "http://a/?a&b"));
  const Sitemap index =
      read_sitemap("<sitemapindex><sitemap><loc>http://a/s1.xml</loc></sitemap></sitemapindex>");
  EXPECT_THAT(texts(index.sitemaps), ElementsAre("http://a/s1.xml"));
  EXPECT_THAT(texts(read_sitemap("http://a/1\r\nhttp://a/2\n").pages),
              ElementsAre("http://a/1", "http://a/2"));
}

TEST(Sitemap, ABombIsNotUnpacked) {
  const Sitemap bomb = read_sitemap(
      "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b "
      "'&a;&a;&a;&a;&a;&a;&a;'>]><urlset><url><loc>http://a/&b;</loc></url></urlset>");
  EXPECT_THAT(texts(bomb.pages), ElementsAre());
  EXPECT_THAT(texts(read_sitemap("<urlset><url><loc>http://a/1</loc></url><url><loc>http:").pages),
              ElementsAre("http://a/1"));
}

}  // namespace
}  // namespace crawler
