#include "page/sitemap.h"

#include <expat.h>

#include <memory>

#include "page/text.h"

namespace crawler {
namespace {

struct State {
  Sitemap sitemap;
  XML_Parser parser = nullptr;
  bool in_loc = false;
  bool index = false;
  std::string text;
};

std::string_view local_name(std::string_view name) { return name.substr(name.find(':') + 1); }

void add(Sitemap& sitemap, std::string_view text, bool index) {
  if (sitemap.pages.size() + sitemap.sitemaps.size() >= sitemap_urls_max) return;
  if (auto url = parse_url(text)) (index ? sitemap.sitemaps : sitemap.pages).push_back(std::move(*url));
}

void begin(void* user, const XML_Char* name, const XML_Char**) {
  State& state = *static_cast<State*>(user);
  const std::string_view local = local_name(name);
  if (local == "sitemapindex") state.index = true;
  state.in_loc = local == "loc";
  state.text.clear();
}

void end(void* user, const XML_Char* name) {
  State& state = *static_cast<State*>(user);
  if (local_name(name) == "loc") add(state.sitemap, state.text, state.index);
  state.in_loc = false;
}

void characters(void* user, const XML_Char* text, int length) {
  State& state = *static_cast<State*>(user);
  if (state.in_loc && state.text.size() < 4096) state.text.append(text, static_cast<std::size_t>(length));
}

// A sitemap has no entities of its own; one that declares some wants to be large.
void stop_at_entity(void* user, const XML_Char*, int, const XML_Char*, int, const XML_Char*, const XML_Char*,
                    const XML_Char*, const XML_Char*) {
  XML_StopParser(static_cast<State*>(user)->parser, XML_FALSE);
}

Sitemap read_xml(std::string_view text) {
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, void (*)(XML_Parser)> parser(
      XML_ParserCreate(nullptr), XML_ParserFree);
  State state;
  state.parser = parser.get();
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(parser.get(), begin, end);
  XML_SetCharacterDataHandler(parser.get(), characters);
  XML_SetEntityDeclHandler(parser.get(), stop_at_entity);
  XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  return std::move(state.sitemap);
}

}  // namespace

Sitemap read_sitemap(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (trimmed(text.substr(0, 256)).starts_with('<')) return read_xml(text);
  Sitemap sitemap;
  each_part(text, "\r\n", [&](std::string_view line) { add(sitemap, line, false); });
  return sitemap;
}

}  // namespace crawler
