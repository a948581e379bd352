// URLs as WHATWG reads them; the cases are from its standard and from web-platform-tests.
#include "url/url.h"

#include <gtest/gtest.h>

namespace crawler {
namespace {

std::string text(std::string_view reference, std::string_view base = {}) {
  if (base.empty()) {
    const auto url = parse_url(reference);
    return url ? url->text() : "error: " + url.error();
  }
  const auto parsed_base = parse_url(base);
  const auto url = parse_url(reference, &*parsed_base);
  return url ? url->text() : "error: " + url.error();
}

TEST(Url, OneSpellingOfEachAddress) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://example.org", "http://example.org/"},
      {"HTTP://EXAMPLE.org:80/A?b#c", "http://example.org/A?b"},
      {"https://example.org:443/", "https://example.org/"},
      {"http://example.org:443/", "http://example.org:443/"},
      {"http://example.org:/", "http://example.org/"},
      {"  http://exa\nmple.org/a\tb ", "http://example.org/ab"},
      {"http:\\\\example.org\\a\\b", "http://example.org/a/b"},
      {"http:example.org", "http://example.org/"},
      {"http:////example.org/", "http://example.org/"},
      {"http://user:secret@example.org/", "http://example.org/"},
      {"http://a@b@example.org/", "http://example.org/"},
      {"http://example.org/a/./b/../c", "http://example.org/a/c"},
      {"http://example.org/a/%2e%2E/b/%2e", "http://example.org/b/"},
      {"http://example.org/../../a", "http://example.org/a"},
      {"http://example.org/a//b", "http://example.org/a//b"},
      {"http://example.org/a/..", "http://example.org/"},
      {"http://example.org/..//a", "http://example.org//a"},
      {"http://example.org/ä b?ö 'c'", "http://example.org/%C3%A4%20b?%C3%B6%20%27c%27"},
      {"http://example.org/%7euser/%c3%a4", "http://example.org/~user/%C3%A4"},
      {"http://example.org/%2f%zz%", "http://example.org/%2F%zz%"},
      {"http://example.org/?", "http://example.org/?"},
      {"http://example.org?a=/b", "http://example.org/?a=/b"},
      {"http://ex%61mple.org/", "http://example.org/"},
      {"http://bücher.example/", "http://xn--bcher-kva.example/"},
      {"http://FAß.example/", "http://xn--fa-hia.example/"},
      {"http://ＧＯ.com/", "http://go.com/"},
      {"http://0x7f.1/", "http://127.0.0.1/"},
      {"http://0300.168.0.0xF0/", "http://192.168.0.240/"},
      {"http://3232235776/", "http://192.168.1.0/"},
      {"http://127.0.0.1./", "http://127.0.0.1/"},
      {"http://[1::0:0:1]:8080/", "http://[1::1]:8080/"},
  };
  for (const auto& [reference, expected] : cases) EXPECT_EQ(text(reference), expected) << reference;
}

TEST(Url, ReferencesOnAPage) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "http://a/b/c/d;p?q"},
      {"#x", "http://a/b/c/d;p?q"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"http:g", "http://a/b/c/g"},
      {"\\g", "http://a/g"},
      {"https:g", "https://g/"},
      {"http:/g", "http://g/"},
      {"g:h/i", "error: its scheme is g, not http or https"},
  };
  for (const auto& [reference, expected] : cases)
    EXPECT_EQ(text(reference, "http://a/b/c/d;p?q"), expected) << reference;
}

TEST(Url, SaysWhyItIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"page.html", "error: it has no scheme, as http://"},
      {"mailto:a@example.org", "error: its scheme is mailto, not http or https"},
      {"javascript:void(0)", "error: its scheme is javascript, not http or https"},
      {"http://", "error: there is no host"},
      {"http://example.org:65536/", "error: the port is no port"},
      {"http://example.org:8o/", "error: the port is no port"},
      {"http://256.1.1.1/", "error: the host is no IPv4 address"},
      {"http://1.2.3.4.5/", "error: the host is no IPv4 address"},
      {"http://[::1/", "error: the host's [ is not closed"},
      {"http://[::g]/", "error: the host is no IPv6 address"},
      {"http://a b/", "error: the host has a character that no host has"},
      {"http://a%00b/", "error: the host has a character that no host has"},
  };
  for (const auto& [reference, expected] : cases) EXPECT_EQ(text(reference), expected) << reference;
}

TEST(Url, TheNormalFormStaysAsItIs) {
  for (const char* reference :
       {"http://example.org/%C3%A4%20b?%27%22", "http://[::1]:81/a//b/", "http://1.2.3.4/?"}) {
    EXPECT_EQ(text(reference), reference);
  }
}

}  // namespace
}  // namespace crawler
