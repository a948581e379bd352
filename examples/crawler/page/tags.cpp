#include "page/tags.h"

#include <algorithm>
#include <array>

#include "page/text.h"

namespace crawler {
namespace {

// No markup is in these but their own end.
constexpr std::array<std::string_view, 8> raw = {"script", "style",  "title",   "textarea",
                                                 "xmp",    "iframe", "noembed", "noframes"};

constexpr Characters name_ends(" \t\n\r\f/>");
constexpr Characters attribute_ends(" \t\n\r\f/>=");
constexpr Characters unquoted_ends(" \t\n\r\f>");

bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

}  // namespace

bool Tags::next() {
  raw_text_ = {};
  while ((at_ = html_.find('<', at_)) != std::string_view::npos && at_ + 1 < html_.size()) {
    const char c = html_[at_ + 1];
    const bool closing = c == '/' && at_ + 2 < html_.size() && letter(html_[at_ + 2]);
    if (letter(c) || closing) {
      at_ += closing ? 2 : 1;
      if (!read_tag()) break;
      if (closing) continue;
      if (name_ == "plaintext") at_ = html_.size();
      if (std::ranges::find(raw, name_) != raw.end()) skip_raw_text();
      return true;
    }
    if (c == '!' || c == '?' || c == '/') {
      skip_markup();
    } else {
      ++at_;
    }
  }
  at_ = html_.size();
  return false;
}

bool Tags::read_tag() {
  const std::size_t end = name_ends.find(html_, at_);
  name_ = lower_case(html_.substr(at_, end - at_));
  at_ = end;
  attributes_.clear();
  while (at_ < html_.size()) {
    if (html_[at_] == '>') return ++at_, true;
    if (white(html_[at_]) || html_[at_] == '/') {
      ++at_;
    } else if (!read_attribute()) {
      return false;
    }
  }
  return false;
}

bool Tags::read_attribute() {
  const std::size_t begin = at_;
  // A name may begin with "=".
  at_ = attribute_ends.find(html_, at_ + 1);
  Attribute attribute{html_.substr(begin, at_ - begin), {}};
  skip_white();
  if (at_ < html_.size() && html_[at_] == '=') {
    ++at_;
    skip_white();
    if (at_ >= html_.size()) return false;
    const char quote = html_[at_];
    if (quote == '"' || quote == '\'') {
      const std::size_t end = html_.find(quote, at_ + 1);
      if (end == std::string_view::npos) return false;
      attribute.value = html_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else {
      const std::size_t end = unquoted_ends.find(html_, at_);
      attribute.value = html_.substr(at_, end - at_);
      at_ = end;
    }
  }
  attributes_.push_back(attribute);
  return true;
}

void Tags::skip_white() {
  while (at_ < html_.size() && white(html_[at_])) ++at_;
}

void Tags::skip_markup() {
  const std::string_view rest = html_.substr(at_);
  std::size_t end = std::string_view::npos;
  if (!rest.starts_with("<!--")) {
    end = html_.find('>', at_ + 2);
    at_ = end == std::string_view::npos ? html_.size() : end + 1;
  } else if (rest.starts_with("<!-->") || rest.starts_with("<!--->")) {
    at_ = html_.find('>', at_) + 1;
  } else {
    std::size_t dashes = html_.find("--", at_ + 4);
    for (; dashes != std::string_view::npos; dashes = html_.find("--", dashes + 1)) {
      const std::string_view after = html_.substr(dashes + 2, 2);
      if (after.starts_with('>')) end = dashes + 3;
      if (after == "!>") end = dashes + 4;
      if (end != std::string_view::npos) break;
    }
    at_ = std::min(end, html_.size());
  }
}

bool Tags::word_at(std::size_t at, std::string_view word) const {
  return at + word.size() <= html_.size() && same_word(html_.substr(at, word.size()), word);
}

// "</script>", "</SCRIPT x": the word, and behind it what ends a name.
bool Tags::closes_at(std::size_t at, std::string_view word) const {
  const std::size_t behind = at + word.size();
  return word_at(at, word) && behind < html_.size() &&
         (white(html_[behind]) || html_[behind] == '/' || html_[behind] == '>');
}

void Tags::skip_raw_text() {
  const std::size_t end = name_ == "script" ? end_of_script() : end_of_raw_text();
  raw_text_ = html_.substr(at_, end - at_);
  at_ = end;
}

std::size_t Tags::end_of_raw_text() const {
  for (std::size_t at = at_; (at = html_.find("</", at)) != std::string_view::npos; at += 2) {
    if (closes_at(at + 2, name_)) return at;
  }
  return html_.size();
}

// Within <!-- -->, a script may have a script in it that does not end it.
std::size_t Tags::end_of_script() const {
  bool commented = false;
  bool nested = false;
  for (std::size_t at = at_; (at = html_.find_first_of("<-", at)) != std::string_view::npos; ++at) {
    if (!commented && word_at(at, "<!--")) {
      commented = true;
      at += word_at(at, "<!-->") || word_at(at, "<!--->") ? 1 : 3;  // the dashes may end it, too
    } else if (commented && word_at(at, "-->")) {
      commented = nested = false;
    } else if (commented && !nested && closes_at(at, "<script")) {
      nested = true;
    } else if (closes_at(at, "</script")) {
      if (!nested) return at;
      nested = false;
    }
  }
  return html_.size();
}

std::optional<std::string_view> Tags::raw_attribute(std::string_view name) const {
  for (const Attribute& attribute : attributes_) {
    if (attribute.name.size() == name.size() && same_word(attribute.name, name)) return attribute.value;
  }
  return std::nullopt;
}

std::optional<std::string> Tags::attribute(std::string_view name) const {
  const auto raw = raw_attribute(name);
  return raw ? std::optional(resolved(*raw)) : std::nullopt;
}

}  // namespace crawler
