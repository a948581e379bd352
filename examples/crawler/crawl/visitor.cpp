#include "crawl/visitor.h"

#include <curl/curl.h>

#include <algorithm>

#include "crawl/children.h"
#include "crawl/link_line.h"
#include "crawl/now.h"
#include "fetch/decode.h"
#include "page/charset.h"
#include "page/page.h"
#include "page/sitemap.h"
#include "page/text.h"
#include "store/digest.h"

namespace crawler {
namespace {

constexpr std::uint32_t hops_max = 10;  // redirects in a row

Url parsed(const std::string& text) {
  auto url = parse_url(text);
  if (!url) throw joinery::Reject("'" + text + "' is no address: " + url.error());
  return std::move(*url);
}

// What can lead somewhere.
const std::vector<std::string> types_with_links = {"text/html", "application/xhtml+xml", "text/css"};

bool status_may_retry(int status) {
  return status == 429 || status == 500 || (status >= 502 && status <= 504);
}
// What the server asks for, as seconds or as a date; at most an hour.
Milliseconds retry_after(const Fetched& fetched) {
  if (fetched.status != 429 && fetched.status != 503) return {};
  const std::string value(fetched.header("retry-after"));
  if (value.empty()) return {};
  char* end = nullptr;
  long long seconds = std::strtoll(value.c_str(), &end, 10);
  if (*end != '\0') {
    const std::time_t date = curl_getdate(value.c_str(), nullptr);
    if (date == -1) return {};
    seconds = date - now_unix_ms() / 1000;
  }
  return std::chrono::seconds(std::clamp(seconds, 0LL, 3600LL));
}

bool redirects(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Visitor::Visitor(Site& site, joinery::JobContext& job, Visit visit)
    : site_(site),
      job_(job),
      visit_(std::move(visit)),
      url_(parsed(visit_.url)),
      self_{job.id(), job.token().fence()} {
  site_.known.delivered(hash_of(url_), {visit_.parent, visit_.parent_fence});
  line_ = {{"url", visit_.url},        {"job", job.id()},       {"fence", job.token().fence()},
           {"attempt", job.attempt()}, {"depth", visit_.depth}, {"from", visit_.from},
           {"at_ms", now_unix_ms()}};
}

void Visitor::run() {
  if (visit_.kind == VisitKind::robots) {
    read_robots(url_, visit_.origin);
  } else if (may_visit()) {
    visit_page();
    site_.pages.append(line_);
  }
  site_.known.submitted(self_, std::move(submitted_));
}

Fetched Visitor::fetch(FetchRequest request) {
  Fetched fetched = site_.fetcher.fetch(
      request, [this](Fetcher::Cancel cancel) { job_.on_cancel([cancel] { cancel.cancel(); }); });
  job_.on_cancel({});
  Milliseconds pause = retry_after(fetched);
  // One at a time is counted from the answer: the limit alone counts from the start of a job, which may have
  // waited for a thread.
  if (site_.config.per_host == 1) {
    pause = std::max(pause, Milliseconds(site_.config.delay_ms));
    if (site_.config.robots)
      pause = std::max(pause, site_.robots.look(request.url.origin())->robots.crawl_delay().value_or(pause));
  }
  keep_away(request.url.authority(), pause);
  if (fetched.error == FetchError::cancelled) throw std::runtime_error("cancelled");
  return fetched;
}

void Visitor::keep_away(const std::string& authority, Milliseconds pause) {
  if (pause.count() == 0) return;
  job_.block_until(site_.config.key_of(authority), joinery::read_clocks().wall + pause);
}

void Visitor::visit_page() {
  FetchRequest request{.url = url_};
  if (const Json* before = site_.previous.find(visit_.url)) {
    request.etag = before->value("etag", "");
    request.last_modified = before->value("last_modified", "");
  }
  if (!site_.config.types.empty() && visit_.kind != VisitKind::sitemap) {
    request.types = types_with_links;
    request.types.insert(request.types.end(), site_.config.types.begin(), site_.config.types.end());
  }
  Fetched fetched = fetch(std::move(request));
  line_["took_ms"] = fetched.took.count();
  if (fetched.error != FetchError::none) {
    if (may_retry(fetched.error)) try_again(word(fetched.error), fetched.message);
    return record_error(word(fetched.error), fetched.message);
  }
  line_["status"] = fetched.status;
  line_["http"] = fetched.http_version;
  line_["type"] = fetched.type();
  line_["wire"] = fetched.body.size();
  take_answer(std::move(fetched));
}

void Visitor::write_warc(const Fetched& fetched, const std::string& digest) {
  const bool success = fetched.status >= 200 && fetched.status < 300;
  if (success && !is_of(fetched.type(), site_.config.types)) {
    line_["kept"] = false;
  } else if (site_.config.warc) {
    const WarcPlace place = site_.warc.write(url_, fetched, digest, line_["at_ms"]);
    line_["warc"] = {{"file", place.file}, {"offset", place.offset}, {"length", place.length}};
  }
}

void Visitor::take_answer(Fetched fetched) {
  const std::string digest = sha1_base32(fetched.body);
  write_warc(fetched, digest);
  if (status_may_retry(fetched.status)) {
    try_again(fetched.status == 429 ? "too many requests" : "server error", fetched.status_line);
  }
  if (redirects(fetched.status)) return take_redirect(fetched);
  if (fetched.status == 304) return take_unchanged(fetched);
  if (fetched.status < 200 || fetched.status >= 300) return;
  take_validators(fetched);
  if (fetched.left_out) return;
  const bool encoded = !fetched.header("content-encoding").empty();
  auto body = decode(std::move(fetched.body), fetched.header("content-encoding"), 4 * site_.config.body_max);
  if (!body) return record_error(word(FetchError::bad_encoding), body.error());
  line_["size"] = body->size();
  line_["digest"] = encoded ? sha1_base32(*body) : digest;
  take_body(fetched, std::move(*body));
}

// What a later crawl can ask with.
void Visitor::take_validators(const Fetched& fetched) {
  for (const char* name : {"etag", "last-modified"}) {
    const std::string_view value = fetched.header(name);
    if (!value.empty()) line_[name[0] == 'e' ? "etag" : "last_modified"] = value;
  }
}

void Visitor::take_redirect(const Fetched& fetched) {
  const std::string location(fetched.header("location"));
  line_["location"] = location;
  const auto target = parse_url(location, &url_);
  if (!target) return record_error("bad_redirect", target.error());
  if (visit_.hops >= hops_max)
    return record_error("too_many_redirects", "the " + std::to_string(hops_max) + "th in a row");
  const LinkKind kind = visit_.kind == VisitKind::resource ? LinkKind::resource : LinkKind::page;
  if (site_.scope.has(*target, visit_.depth, kind))
    submit(*target, visit_.kind, visit_.depth, visit_.hops + 1);
  write_links({{*target, kind, false}});
}

void Visitor::take_body(const Fetched& fetched, std::string body) {
  const std::string type = fetched.type();
  if (visit_.kind == VisitKind::sitemap) return take_sitemap(std::move(body));
  if (type == "text/html" || type == "application/xhtml+xml") return take_page(fetched, std::move(body));
  if (type != "text/css") return;
  std::vector<Link> links;
  for (const std::string& reference : css_references(body)) {
    if (auto url = parse_url(reference, &url_)) links.push_back({std::move(*url), LinkKind::resource, false});
  }
  follow(links);
}

void Visitor::take_page(const Fetched& fetched, std::string body) {
  Page page =
      read_page(to_utf8(std::move(body), fetched.header("content-type")), url_, site_.config.product());
  take_robots_words(fetched.header("x-robots-tag"), page.noindex, page.nofollow);
  if (!page.title.empty()) line_["title"] = page.title;
  if (page.canonical) line_["canonical"] = page.canonical->text();
  if (page.noindex) line_["noindex"] = true;
  if (page.bad_links != 0) line_["bad_links"] = page.bad_links;
  line_["links"] = page.links.size();
  if (page.nofollow) {
    for (Link& link : page.links) link.nofollow = true;
  }
  follow(page.links);
}

void Visitor::take_sitemap(std::string body) {
  if (body.starts_with("\x1f\x8b")) {  // sitemap.xml.gz, as a file and not as an encoding
    auto unpacked = decode(std::move(body), "gzip", 4 * site_.config.body_max);
    if (!unpacked) return record_error(word(FetchError::bad_encoding), unpacked.error());
    body = std::move(*unpacked);
  }
  const Sitemap sitemap = read_sitemap(body);
  line_["links"] = sitemap.pages.size() + sitemap.sitemaps.size();
  for (const Url& url : sitemap.sitemaps) {
    if (visit_.hops < hops_max && url.authority() == url_.authority())
      submit(url, VisitKind::sitemap, 0, visit_.hops + 1);
  }
  for (const Url& url : sitemap.pages) {
    if (site_.scope.has(url, 1, LinkKind::page)) submit(url, VisitKind::page, 1, 0);
  }
}

// 304: it is what it was, and leads where it led.
void Visitor::take_unchanged(const Fetched& fetched) {
  line_["unchanged"] = true;
  take_validators(fetched);
  if (const Json* before = site_.previous.find(visit_.url)) {
    line_.erase("type");  // of an answer without a body
    line_.insert(before->begin(), before->end());
  }
  const std::vector<Link> links = site_.previous.links_of(url_);
  line_["links"] = links.size();
  follow(links);
}

void Visitor::follow(const std::vector<Link>& links) {
  const auto own =
      site_.config.robots ? site_.robots.look(url_.origin()) : std::make_shared<const RobotsEntry>();
  std::size_t disallowed = 0;
  for (const Link& link : links) {
    if (link.nofollow && site_.config.nofollow) continue;
    if (site_.known.has(hash_of(link.url))) continue;
    if (!site_.scope.has(link.url, visit_.depth + 1, link.kind)) continue;
    // Another host's rules are known when its turn comes.
    if (same_origin(link.url, url_) && !own->robots.allows(link.url.path + link.url.query)) {
      ++disallowed;
      continue;
    }
    submit(link.url, link.kind == LinkKind::page ? VisitKind::page : VisitKind::resource, visit_.depth + 1,
           0);
  }
  if (disallowed != 0) line_["disallowed"] = disallowed;
  write_links(links);
}

void Visitor::submit(const Url& url, VisitKind kind, std::uint32_t depth, std::uint32_t hops) {
  if (site_.known.has(hash_of(url))) return;
  const Visit visit{.directory = visit_.directory,
                    .url = url.text(),
                    .kind = kind,
                    .depth = depth,
                    .hops = hops,
                    .from = visit_.url,
                    .parent = self_.job,
                    .parent_fence = self_.fence,
                    .origin = {}};
  job_.submit(child(site_.config, url, joinery::pack(visit), true));
  submitted_.push_back(hash_of(url));
}

// The same visit as a job of its own, when its host's turn comes again.
void Visitor::submit_again(std::uint64_t delay_ms) {
  job_.submit(child(site_.config, url_, joinery::pack(visit_), false, delay_ms));
}

void Visitor::write_links(const std::vector<Link>& links) {
  if (!site_.config.links || links.empty()) return;
  site_.links.append(link_line(url_, self_.fence, links));
}

void Visitor::record_error(std::string_view error, std::string_view message) {
  line_["error"] = error;
  line_["message"] = message;
}

void Visitor::try_again(std::string_view error, const std::string& message) {
  record_error(error, message);
  site_.pages.append(line_);
  throw joinery::FailedWith({.code = joinery::Code::handler_error,
                             .type = std::string(error),
                             .message = visit_.url + ": " + message,
                             .where = {},
                             .dossier = {}});
}

}  // namespace crawler
