// What a visit has to do with robots.txt.
#include "crawl/children.h"
#include "crawl/visitor.h"

namespace crawler {
namespace {

using State = RobotsEntry::State;
constexpr std::uint32_t robots_hops_max = 5;  // redirects, RFC 9309 (2.3.1.2)

bool server_error(const Fetched& fetched) { return fetched.status >= 500 || fetched.status == 429; }

}  // namespace

bool Visitor::may_visit() {
  if (!site_.config.robots) return true;
  const auto entry = site_.robots.look(url_.origin());
  switch (entry->state) {
    case State::unknown:
      read_robots(*parse_url("/robots.txt", &url_), url_.origin());
      submit_again(0);
      return false;
    case State::coming: submit_again(1000); return false;
    case State::unreachable:
      record_error("robots_unreachable", entry->message);
      site_.pages.append(line_);
      return false;
    case State::known: break;
  }
  if (entry->robots.allows(url_.path + url_.query)) return true;
  record_error("disallowed", "robots.txt does not allow it");
  site_.pages.append(line_);
  return false;
}

void Visitor::read_robots(const Url& at, const std::string& origin) {
  const Fetched fetched = fetch({.url = at});
  if (fetched.error == FetchError::too_large)
    return take_robots("", origin);  // megabytes of rules: RFC 9309 leaves them to us
  if (fetched.error != FetchError::none || server_error(fetched)) {
    const std::string why = fetched.error != FetchError::none
                                ? std::string(word(fetched.error)) + ": " + fetched.message
                                : fetched.status_line;
    if (job_.attempt() < site_.config.attempts) try_again("robots_unreachable", why);
    return site_.robots.write(origin, State::unreachable, "robots.txt: " + why);
  }
  if (fetched.status >= 300 && fetched.status < 400) return follow_robots(fetched, at, origin);
  if (fetched.status >= 400) return take_robots("", origin);  // there is none
  take_robots(fetched.body, origin);
}

void Visitor::take_robots(const std::string& text, const std::string& origin) {
  const Robots robots = Robots::parse(text, site_.config.product());
  // Known to the broker before this job ends, which lets in the next one of the host.
  if (const auto delay = robots.crawl_delay(); delay && delay->count() > site_.config.delay_ms) {
    const std::string authority = parse_url(origin)->authority();
    job_.set_delay(site_.config.key_of(authority), *delay);
    keep_away(authority, *delay);
  }
  site_.robots.write(origin, State::known, text.substr(0, robots_max));
  if (!site_.config.sitemaps) return;
  for (const std::string& sitemap : robots.sitemaps()) {
    if (const auto url = parse_url(sitemap, &url_); url && site_.scope.has_host(*url)) {
      submit(*url, VisitKind::sitemap, 0, 0);
    }
  }
}

// To wherever it leads, by a job of its own: that host has its turn, too.
void Visitor::follow_robots(const Fetched& fetched, const Url& at, const std::string& origin) {
  const auto target = parse_url(fetched.header("location"), &at);
  if (!target || visit_.hops >= robots_hops_max) return take_robots("", origin);
  site_.robots.write(origin, State::coming, "");
  const Visit visit{.directory = visit_.directory,
                    .url = target->text(),
                    .kind = VisitKind::robots,
                    .depth = 0,
                    .hops = visit_.kind == VisitKind::robots ? visit_.hops + 1 : 1,
                    .from = at.text(),
                    .parent = self_.job,
                    .parent_fence = self_.fence,
                    .origin = origin};
  job_.submit(child(site_.config, *target, joinery::pack(visit), false));
}

}  // namespace crawler
