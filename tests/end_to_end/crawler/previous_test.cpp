// A crawl that knows an earlier one of the same pages: what has not changed is not sent again.
#include <gmock/gmock.h>

#include <atomic>

#include "crawl.h"

namespace joinery::testing {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;

class CrawlAgain : public ::testing::Test {
 protected:
  // With an ETag or a date, and 304 if the client has it.
  static void send(const Asked& asked, Answer& answer, const std::string& validator, const std::string& body,
                   const std::string& type = "text/html") {
    const bool date = validator.ends_with("GMT");
    const std::string has = date ? "If-Modified-Since: " : "If-None-Match: ";
    const std::string header = (date ? "Last-Modified: " : "ETag: ") + validator + "\r\n";
    if (asked.head.find(has + validator + "\r\n") != std::string::npos)
      return answer.write("HTTP/1.1 304 Not Modified\r\n" + header + "\r\n"), void();
    answer.page(body, type, header);
  }
  void say(const Asked& asked, Answer& answer) const {
    if (asked.target == "/doc/") {
      return send(asked, answer, "\"one\"",
                  "<title>Front</title><link rel=stylesheet href=/style.css><a href=dated><a href=changing>"
                  "<a rel=nofollow href=hidden><a href=plain><a href=old>");
    }
    if (asked.target == "/style.css")
      return send(asked, answer, "\"s\"", "p { background: url(/p.png) }", "text/css");
    if (asked.target == "/p.png") return send(asked, answer, "W/\"weak\"", "png", "image/png");
    if (asked.target == "/doc/dated")
      return send(asked, answer, "Sat, 21 Nov 2026 04:00:00 GMT", "<a href='deep?a=1&amp;b=\\'>");
    if (asked.target == "/doc/deep?a=1&b=\\") return send(asked, answer, "\"deep\"", "");
    if (asked.target == "/doc/changing")
      return send(asked, answer, "\"v" + std::to_string(version_) + "\"",
                  version_ == 1 ? "<a href=dated>" : "<a href=dated><a href=new>");
    if (asked.target == "/doc/old") return answer.status(301, "Location: plain\r\n");
    if (asked.target == "/doc/plain" || asked.target == "/doc/new") return answer.page("");
    answer.status(404);
  }
  // Paths of a crawl, with what came of them.
  std::map<std::string, std::string> crawl(const std::string& name, const std::string& previous) {
    std::vector<std::string> options{server_.url("/doc/"), "-o", crawl_.directory(name), "--delay", "0"};
    if (!previous.empty()) options.insert(options.end(), {"--previous", crawl_.directory(previous)});
    crawl_.crawl(options);
    std::map<std::string, std::string> out;
    for (const auto& [url, line] : crawl_.pages(name)) {
      out[url.substr(server_.url("").size())] =
          line.value("unchanged", false) ? "unchanged" : std::to_string(line.at("status").get<int>());
    }
    return out;
  }

  std::atomic<int> version_ = 1;
  CrawlStack crawl_;
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say(asked, answer); }};
};

TEST_F(CrawlAgain, AsksOnlyWhetherPagesHaveChangedAndGoesWhereTheyLed) {
  const auto first = crawl("first", "");
  EXPECT_EQ(first, (std::map<std::string, std::string>{{"/doc/", "200"},
                                                       {"/doc/changing", "200"},
                                                       {"/doc/dated", "200"},
                                                       {"/doc/deep?a=1&b=\\", "200"},
                                                       {"/doc/old", "301"},
                                                       {"/doc/plain", "200"},
                                                       {"/p.png", "200"},
                                                       {"/style.css", "200"}}));
  version_ = 2;
  const std::map<std::string, std::string> expected{
      {"/doc/", "unchanged"},      {"/doc/changing", "200"},
      {"/doc/dated", "unchanged"}, {"/doc/deep?a=1&b=\\", "unchanged"},
      {"/doc/new", "200"},         {"/doc/old", "301"},
      {"/doc/plain", "200"},       {"/p.png", "unchanged"},
      {"/style.css", "unchanged"}};
  EXPECT_EQ(crawl("second", "first"), expected);
  // What the second one was not sent, the third one still knows.
  auto third = expected;
  third["/doc/changing"] = "unchanged";
  EXPECT_EQ(crawl("third", "second"), third);
  const Json front = crawl_.pages("third").at(server_.url("/doc/"));
  EXPECT_EQ(front.at("title"), "Front");
  EXPECT_EQ(front.at("type"), "text/html");
  EXPECT_EQ(front.at("wire"), 0);
  EXPECT_EQ(front.at("size"), crawl_.pages("first").at(server_.url("/doc/")).at("size"));
}

TEST_F(CrawlAgain, APageThatHasNotChangedIsARevisitInTheWarcFile) {
  crawl("first", "");
  crawl("second", "first");
  const Json line = crawl_.pages("second").at(server_.url("/doc/"));
  const std::string record = crawl_.warc_record(line, "second");
  EXPECT_TRUE(record.starts_with("WARC/1.0\r\nWARC-Type: revisit\r\n"));
  EXPECT_THAT(record,
              HasSubstr("WARC-Profile: http://netpreserve.org/warc/1.0/revisit/server-not-modified\r\n"));
  EXPECT_THAT(record, HasSubstr("\r\n\r\nHTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(record, HasSubstr("WARC-Target-URI: " + server_.url("/doc/") + "\r\n"));
}

}  // namespace
}  // namespace joinery::testing
