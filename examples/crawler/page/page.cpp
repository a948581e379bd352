#include "page/page.h"

#include <unordered_set>

#include "page/tags.h"
#include "page/text.h"

namespace crawler {
namespace {

// Attributes of elements that lead somewhere, besides those with a meaning of their own (a, link, meta,
// srcset).
struct Leads {
  std::string_view element;
  std::string_view attribute;
  LinkKind kind;
};
constexpr Leads all_leads[] = {
    {"frame", "src", LinkKind::page},
    {"iframe", "src", LinkKind::page},
    {"img", "src", LinkKind::resource},
    {"image", "src", LinkKind::resource},
    {"script", "src", LinkKind::resource},
    {"embed", "src", LinkKind::resource},
    {"object", "data", LinkKind::resource},
    {"source", "src", LinkKind::resource},
    {"track", "src", LinkKind::resource},
    {"audio", "src", LinkKind::resource},
    {"video", "src", LinkKind::resource},
    {"video", "poster", LinkKind::resource},
    {"input", "src", LinkKind::resource},
    {"body", "background", LinkKind::resource},
    {"table", "background", LinkKind::resource},
    {"td", "background", LinkKind::resource},
    {"th", "background", LinkKind::resource},
};

class Reader {
 public:
  Reader(const Url& url, std::string_view product) : base_(url), product_(product) {}

  void take(const Tags& tag) {
    if (!tag.has_attributes() && tag.raw_text().empty()) return;
    const std::string_view name = tag.name();
    if (name == "a" || name == "area") {
      add_attribute(tag, "href", LinkKind::page, has_word(value(tag, "rel"), "nofollow"));
    } else if (name == "base") {
      take_base(tag);
    } else if (name == "title") {
      take_title(tag);
    } else if (name == "meta") {
      take_meta(tag);
    } else if (name == "link") {
      take_link(tag);
    } else if (name == "style") {
      add_css(tag.raw_text());
    }
    for (const Leads& lead : all_leads) {
      if (lead.element == name) add_attribute(tag, lead.attribute, lead.kind, false);
    }
    if (name == "img" || name == "source") {
      for (const auto& each : srcset_references(value(tag, "srcset"))) add(each, LinkKind::resource, false);
    }
    if (const auto style = tag.attribute("style")) add_css(*style);
  }
  Page page;

 private:
  static std::string value(const Tags& tag, std::string_view name) {
    return tag.attribute(name).value_or("");
  }

  // The first one counts.
  void take_base(const Tags& tag) {
    const auto href = tag.attribute("href");
    if (has_base_ || !href) return;
    has_base_ = true;
    if (const auto url = parse_url(*href, &base_)) base_ = *url;
  }

  void take_title(const Tags& tag) {
    if (!page.title.empty()) return;
    constexpr std::size_t title_max = 300;
    each_part(resolved(tag.raw_text().substr(0, 4 * title_max)), " \t\n\r\f", [&](std::string_view word) {
      if (page.title.size() + word.size() < title_max) (page.title += page.title.empty() ? "" : " ") += word;
    });
  }

  void take_meta(const Tags& tag) {
    const std::string name = value(tag, "name");
    const std::string content = value(tag, "content");
    if (same_word(name, "robots") || same_word(name, product_))
      take_robots_words(content, page.noindex, page.nofollow);
    if (!same_word(value(tag, "http-equiv"), "refresh")) return;
    // "5; url=other.html", with or without quotes.
    const std::size_t at = lower_case(content).find("url=");
    if (at == std::string::npos) return;
    std::string_view target = trimmed(std::string_view(content).substr(at + 4));
    if (!target.empty() && (target.front() == '"' || target.front() == '\'')) {
      target = target.substr(1, target.find(target.front(), 1) - 1);
    }
    add(target, LinkKind::page, false);
  }

  void take_link(const Tags& tag) {
    const std::string href = value(tag, "href");
    const std::string rel = value(tag, "rel");
    if (href.empty() || has_word(rel, "preconnect") || has_word(rel, "dns-prefetch")) return;
    if (has_word(rel, "canonical")) {
      if (const auto url = parse_url(href, &base_); url && !page.canonical) page.canonical = *url;
    }
    bool leads_to_page = false;
    for (const char* word : {"canonical", "alternate", "next", "prev", "author", "help"}) {
      leads_to_page = leads_to_page || has_word(rel, word);
    }
    add(href, leads_to_page ? LinkKind::page : LinkKind::resource, has_word(rel, "nofollow"));
  }

  void add_css(std::string_view css) {
    for (const std::string& each : css_references(css)) add(each, LinkKind::resource, false);
  }

  void add_attribute(const Tags& tag, std::string_view name, LinkKind kind, bool nofollow) {
    const auto raw = tag.raw_attribute(name);
    // Most stand several times on a page, in the same spelling.
    if (!raw || !seen_references_.insert(*raw).second) return;
    if (raw->find('&') == std::string_view::npos) return add(*raw, kind, nofollow);
    add(resolved(*raw), kind, nofollow);
  }

  void add(std::string_view reference, LinkKind kind, bool nofollow) {
    auto url = parse_url(reference, &base_);
    if (!url) {
      if (url.error().find("scheme") == std::string::npos) ++page.bad_links;
      return;
    }
    page.links.push_back({std::move(*url), kind, nofollow});
    if (!seen_.insert(page.links.size() - 1).second) page.links.pop_back();
  }

  // Links of the page by their place.
  struct Hash {
    const std::vector<Link>& links;
    std::size_t operator()(std::size_t at) const { return hash_of(links[at].url); }
  };
  struct Same {
    const std::vector<Link>& links;
    bool operator()(std::size_t a, std::size_t b) const { return links[a].url == links[b].url; }
  };

  Url base_;
  bool has_base_ = false;
  std::string_view product_;
  std::unordered_set<std::string_view> seen_references_;  // of the page's text
  std::unordered_set<std::size_t, Hash, Same> seen_{64, Hash{page.links}, Same{page.links}};
};

}  // namespace

Page read_page(std::string_view html, const Url& url, std::string_view product) {
  Reader reader(url, product);
  for (Tags tags(html); tags.next();) reader.take(tags);
  return std::move(reader.page);
}

}  // namespace crawler
