// The start tags of an HTML page, one after the other, by the rules of the WHATWG standard for tokens
// (13.2.5): comments, raw texts, quotes and everything half-written are read as browsers read them.
//
//   for (Tags tags(html); tags.next();) use(tags.name(), tags.attribute("href"));
//
// The tree that a browser makes of them is not built: it decides nothing about where a page leads, and takes
// ten times as long.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

class Tags {
 public:
  // `html` is UTF-8 and must outlive this.
  explicit Tags(std::string_view html) : html_(html) {}

  // Goes to the next start tag; false: there is none.
  bool next();

  const std::string& name() const { return name_; }  // lower case
  // Its value, with character references resolved; nullopt: the tag has no such attribute. The first of a
  // name counts.
  std::optional<std::string> attribute(std::string_view name) const;
  // As it stands in the page, so that it may still have character references.
  std::optional<std::string_view> raw_attribute(std::string_view name) const;
  bool has_attributes() const { return !attributes_.empty(); }
  // Of title, style, script and their like: what is in the element, as it stands in the page.
  std::string_view raw_text() const { return raw_text_; }

 private:
  struct Attribute {
    std::string_view name;
    std::string_view value;
  };

  bool read_tag();  // behind its name; false: the page ends in it
  bool read_attribute();
  void skip_markup();  // <! and <?
  void skip_raw_text();
  std::size_t end_of_raw_text() const;
  std::size_t end_of_script() const;
  bool word_at(std::size_t at, std::string_view word) const;
  bool closes_at(std::size_t at, std::string_view word) const;
  void skip_white();

  std::string_view html_;
  std::size_t at_ = 0;
  std::string name_;
  std::vector<Attribute> attributes_;
  std::string_view raw_text_;
};

// The text with its character references (&amp;, &#65;, &eacute;) resolved as in the value of an attribute.
std::string resolved(std::string_view text);

}  // namespace crawler
