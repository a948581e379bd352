// Character references in the values of attributes.
#include <gumbo.h>

#include <algorithm>
#include <memory>

#include "page/tags.h"

namespace crawler {
namespace {

// Of two thousand names, these are what addresses have.
struct Named {
  std::string_view reference;
  char character;
};
constexpr Named common[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

// The parser has the table of all names, and the rules for those without a semicolon.
std::string resolved_by_parser(std::string_view text) {
  std::string html = "<p title=\"";
  for (const char c : text) {
    if (c == '"') {
      html += "&quot;";
    } else {
      html += c;
    }
  }
  html += "\">";
  const auto destroy = [](GumboOutput* output) { gumbo_destroy_output(&kGumboDefaultOptions, output); };
  const std::unique_ptr<GumboOutput, decltype(destroy)> output(
      gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size()), destroy);
  const auto child = [](const GumboNode* node, unsigned index) {
    return static_cast<const GumboNode*>(node->v.element.children.data[index]);
  };
  const GumboNode* paragraph = child(child(output->root, 1), 0);  // html, body, p
  return gumbo_get_attribute(&paragraph->v.element.attributes, "title")->value;
}

}  // namespace

std::string resolved(std::string_view text) {
  std::string out;
  constexpr std::size_t parsed_max = 10'000;  // longer ones are no addresses
  for (std::size_t at = 0;;) {
    const std::size_t reference = std::min(text.find('&', at), text.size());
    out += text.substr(at, reference - at);
    if (reference == text.size()) return out;
    const std::string_view rest = text.substr(reference);
    const auto found =
        std::ranges::find_if(common, [&](const Named& named) { return rest.starts_with(named.reference); });
    if (found != std::end(common)) {
      out += found->character;
      at = reference + found->reference.size();
      continue;
    }
    // "?a=1&b=2": where no name begins, there is none.
    const std::size_t name_end =
        std::min(rest.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#", 1),
                 rest.size());
    const bool no_reference =
        name_end == 1 || (name_end < rest.size() && rest[name_end] == '=' && rest[1] != '#');
    if (!no_reference && text.size() <= parsed_max) return resolved_by_parser(text);
    out += '&';
    at = reference + 1;
  }
}

}  // namespace crawler
