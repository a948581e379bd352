// HTTPS and HTTP/2, against nginx with a certificate of the test's own.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "crawl.h"
#include "nginx.h"

namespace joinery::testing {
namespace {

namespace fs = std::filesystem;

class SecureCrawl : public ::testing::Test {
 protected:
  static constexpr int pages = 40;

  void SetUp() override {
    if (!Nginx::installed() || !fs::exists("/usr/bin/openssl")) GTEST_SKIP() << "needs nginx and openssl";
    const auto made =
        run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", file("key.pem"), "-out", file("cert.pem"), "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"});
    ASSERT_EQ(made.status, 0) << made.err;
    fs::create_directories(file("site"));
    for (int i = 0; i < pages; ++i) {
      std::ofstream page(file("site/" + std::to_string(i) + ".html"));
      for (const int to : {2 * i + 1, 2 * i + 2}) {
        if (to < pages) page << "<a href=" << to << ".html>next</a>";
      }
    }
  }
  std::string file(const std::string& name) const { return crawl_.stack.dir() / name; }
  // Crawls it from its front page.
  std::map<std::string, Json> crawl(const std::string& listen, std::vector<std::string> options) {
    const Nginx server(listen, "ssl_certificate " + file("cert.pem") + "; ssl_certificate_key " +
                                   file("key.pem") + "; root " + file("site") + ";");
    options.insert(options.end(), {"https://127.0.0.1:" + std::to_string(server.port()) + "/0.html", "-o",
                                   crawl_.directory(), "--delay", "0", "--per-host", "8", "--processes", "1",
                                   "--attempts", "1"});
    crawl_.crawl(options);
    return crawl_.pages();
  }

  CrawlStack crawl_;
};

TEST_F(SecureCrawl, PagesComeOverHttp2) {
  const auto all = crawl("ssl http2", {"--ca-file", file("cert.pem")});
  EXPECT_EQ(all.size(), pages);
  for (const auto& [url, line] : all) {
    EXPECT_EQ(line.at("status"), 200) << line;
    EXPECT_EQ(line.at("http"), "2") << line;
    EXPECT_TRUE(line.contains("warc")) << line;
  }
}

TEST_F(SecureCrawl, PagesComeOverHttp11WhereThereIsNoHttp2) {
  const auto all = crawl("ssl", {"--ca-file", file("cert.pem")});
  EXPECT_EQ(all.size(), pages);
  for (const auto& [url, line] : all) EXPECT_EQ(line.at("http"), "1.1") << line;
}

TEST_F(SecureCrawl, ACertificateThatNobodyVouchesForIsNotTrusted) {
  const auto all = crawl("ssl http2", {"--no-robots"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.begin()->second.at("error"), "tls");
}

}  // namespace
}  // namespace joinery::testing
