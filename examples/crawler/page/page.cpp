#include "page/page.h"

#include <gumbo.h>

#include <memory>
#include <unordered_set>

#include "page/nesting.h"
#include "page/text.h"

namespace crawler {
namespace {

std::string_view attribute(const GumboElement& element, const char* name) {
  const GumboAttribute* found = gumbo_get_attribute(&element.attributes, name);
  return found == nullptr ? std::string_view() : std::string_view(found->value);
}
bool has(const GumboElement& element, const char* name) {
  return gumbo_get_attribute(&element.attributes, name) != nullptr;
}

// Attributes of elements that lead somewhere, besides those with a meaning of their own (a, link, meta,
// srcset).
struct Leads {
  GumboTag tag;
  const char* attribute;
  LinkKind kind;
};
constexpr Leads leads[] = {
    {GUMBO_TAG_AREA, "href", LinkKind::page},           {GUMBO_TAG_FRAME, "src", LinkKind::page},
    {GUMBO_TAG_IFRAME, "src", LinkKind::page},          {GUMBO_TAG_IMG, "src", LinkKind::resource},
    {GUMBO_TAG_IMAGE, "src", LinkKind::resource},       {GUMBO_TAG_SCRIPT, "src", LinkKind::resource},
    {GUMBO_TAG_EMBED, "src", LinkKind::resource},       {GUMBO_TAG_OBJECT, "data", LinkKind::resource},
    {GUMBO_TAG_SOURCE, "src", LinkKind::resource},      {GUMBO_TAG_TRACK, "src", LinkKind::resource},
    {GUMBO_TAG_AUDIO, "src", LinkKind::resource},       {GUMBO_TAG_VIDEO, "src", LinkKind::resource},
    {GUMBO_TAG_VIDEO, "poster", LinkKind::resource},    {GUMBO_TAG_INPUT, "src", LinkKind::resource},
    {GUMBO_TAG_BODY, "background", LinkKind::resource}, {GUMBO_TAG_TABLE, "background", LinkKind::resource},
    {GUMBO_TAG_TD, "background", LinkKind::resource},   {GUMBO_TAG_TH, "background", LinkKind::resource},
};

class Reader {
 public:
  Reader(const Url& url, std::string_view product) : base_(url), product_(product) {}

  // Depth first, by a stack of our own: hostile pages nest deeper than a thread's stack is.
  void read(const GumboNode* root) {
    std::vector<const GumboNode*> waiting{root};
    while (!waiting.empty()) {
      const GumboNode* node = waiting.back();
      waiting.pop_back();
      if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) continue;
      const GumboElement& element = node->v.element;
      take(element);
      for (unsigned i = element.children.length; i > 0; --i) {
        waiting.push_back(static_cast<const GumboNode*>(element.children.data[i - 1]));
      }
    }
  }
  Page page;

 private:
  void take(const GumboElement& element) {
    switch (element.tag) {
      case GUMBO_TAG_BASE: take_base(element); break;
      case GUMBO_TAG_TITLE: take_title(element); break;
      case GUMBO_TAG_META: take_meta(element); break;
      case GUMBO_TAG_LINK: take_link(element); break;
      case GUMBO_TAG_A:
        if (has(element, "href")) {
          add(attribute(element, "href"), LinkKind::page, has_word(attribute(element, "rel"), "nofollow"));
        }
        break;
      case GUMBO_TAG_STYLE:
        if (element.children.length != 0) add_css(text_of(element));
        break;
      default: break;
    }
    for (const Leads& lead : leads) {
      if (lead.tag == element.tag && has(element, lead.attribute))
        add(attribute(element, lead.attribute), lead.kind, false);
    }
    if (element.tag == GUMBO_TAG_IMG || element.tag == GUMBO_TAG_SOURCE) {
      for (const auto& each : srcset_references(attribute(element, "srcset")))
        add(each, LinkKind::resource, false);
    }
    if (has(element, "style")) add_css(attribute(element, "style"));
  }

  // The first one counts.
  void take_base(const GumboElement& element) {
    if (has_base_ || !has(element, "href")) return;
    has_base_ = true;
    if (const auto url = parse_url(attribute(element, "href"), &base_)) base_ = *url;
  }

  static std::string_view text_of(const GumboElement& element) {
    const auto* child = static_cast<const GumboNode*>(element.children.data[0]);
    return child->type == GUMBO_NODE_TEXT ? child->v.text.text : std::string_view();
  }

  void take_title(const GumboElement& element) {
    if (!page.title.empty() || element.children.length == 0) return;
    constexpr std::size_t title_max = 300;
    each_part(text_of(element), " \t\n\r\f", [&](std::string_view word) {
      if (page.title.size() + word.size() < title_max) (page.title += page.title.empty() ? "" : " ") += word;
    });
  }

  void take_meta(const GumboElement& element) {
    const std::string_view name = attribute(element, "name");
    const std::string_view content = attribute(element, "content");
    if (same_word(name, "robots") || same_word(name, product_))
      take_robots_words(content, page.noindex, page.nofollow);
    if (!same_word(attribute(element, "http-equiv"), "refresh")) return;
    // "5; url=other.html", with or without quotes.
    const std::size_t at = lower_case(content).find("url=");
    if (at == std::string::npos) return;
    std::string_view target = trimmed(content.substr(at + 4));
    if (!target.empty() && (target.front() == '"' || target.front() == '\'')) {
      target = target.substr(1, target.find(target.front(), 1) - 1);
    }
    add(target, LinkKind::page, false);
  }

  void take_link(const GumboElement& element) {
    const std::string_view href = attribute(element, "href");
    const std::string_view rel = attribute(element, "rel");
    if (href.empty() || has_word(rel, "preconnect") || has_word(rel, "dns-prefetch")) return;
    if (has_word(rel, "canonical")) {
      if (const auto url = parse_url(href, &base_); url && !page.canonical) page.canonical = *url;
    }
    const bool page_kind = has_word(rel, "canonical") || has_word(rel, "alternate") ||
                           has_word(rel, "next") || has_word(rel, "prev") || has_word(rel, "author") ||
                           has_word(rel, "help");
    add(href, page_kind ? LinkKind::page : LinkKind::resource, has_word(rel, "nofollow"));
  }

  void add_css(std::string_view css) {
    for (const std::string& each : css_references(css)) add(each, LinkKind::resource, false);
  }

  void add(std::string_view reference, LinkKind kind, bool nofollow) {
    auto url = parse_url(reference, &base_);
    if (!url) {
      if (url.error().find("scheme") == std::string::npos) ++page.bad_links;
      return;
    }
    if (seen_.insert(url->text()).second) page.links.push_back({std::move(*url), kind, nofollow});
  }

  Url base_;
  bool has_base_ = false;
  std::string_view product_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

Page read_page(std::string_view html, const Url& url, std::string_view product) {
  const std::string shallow = with_bounded_nesting(html);
  if (!shallow.empty()) html = shallow;
  GumboOptions options = kGumboDefaultOptions;
  options.max_errors = 0;  // each is kept in memory otherwise, and hostile pages have one per byte
  const auto destroy = [&](GumboOutput* output) { gumbo_destroy_output(&options, output); };
  const std::unique_ptr<GumboOutput, decltype(destroy)> output(
      gumbo_parse_with_options(&options, html.data(), html.size()), destroy);
  Reader reader(url, product);
  reader.read(output->root);
  return std::move(reader.page);
}

}  // namespace crawler
