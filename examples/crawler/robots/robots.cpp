#include "robots/robots.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "url/escape.h"

namespace crawler {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

struct Line {
  std::string_view name;
  std::string_view value;
};

// Takes the next line off the text, without its comment. Lines end with CR, LF or both.
Line next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  line = line.substr(0, line.find('#'));
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  return {trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

// The product of a user agent line: "FooBot/2.1" is foobot.
std::string_view product_of(std::string_view value) {
  const auto end = std::ranges::find_if_not(value, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '*' || (c >= '0' && c <= '9');
  });
  return value.substr(0, static_cast<std::size_t>(end - value.begin()));
}

std::string normal_pattern(std::string_view value) {
  std::string pattern;
  append_escaped(pattern, value, "");
  return pattern;
}

std::optional<std::chrono::milliseconds> seconds_of(std::string_view value) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{} || !std::isfinite(seconds) || seconds < 0) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 86'400.0) * 1000));
}

// Whether the pattern matches the beginning of the target. Each "*" is tried at its first fit only, which is
// enough because what follows may always begin later.
bool matches(std::string_view pattern, std::string_view target) {
  const bool to_the_end = pattern.ends_with('$');
  if (to_the_end) pattern.remove_suffix(1);
  std::size_t star = std::string_view::npos;  // behind the last one
  std::size_t retry = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      retry = t;
    } else if (p == pattern.size() && (!to_the_end || t == target.size())) {
      return true;
    } else if (t < target.size() && p < pattern.size() && pattern[p] == target[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos && retry < target.size()) {
      p = star;
      t = ++retry;
    } else {
      return false;
    }
  }
}

}  // namespace

Robots Robots::parse(std::string_view text, std::string_view product) {
  text = text.substr(0, robots_max);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Robots ours;
  Robots everybodys;
  bool named = false;  // some group is ours
  bool for_us = false;
  bool for_all = false;
  bool in_rules = false;  // a user agent line begins a new group only behind rules
  const auto each_of_group = [&](auto call) {
    if (for_us) call(ours);
    if (for_all) call(everybodys);
  };
  while (!text.empty()) {
    const auto [name, value] = next_line(text);
    if (same_word(name, "user-agent")) {
      if (in_rules) for_us = for_all = in_rules = false;
      const std::string_view agent = product_of(value);
      if (agent == "*") for_all = true;
      if (same_word(agent, product)) for_us = named = true;
    } else if (same_word(name, "allow") || same_word(name, "disallow")) {
      in_rules = true;
      if (value.empty()) continue;  // "Disallow:" is against nothing
      each_of_group([&, &what = name, &rule = value](Robots& robots) {
        robots.rules_.push_back({normal_pattern(rule), lower(what.front()) == 'a'});
      });
    } else if (same_word(name, "crawl-delay")) {
      in_rules = true;
      each_of_group([&, &delay = value](Robots& robots) { robots.crawl_delay_ = seconds_of(delay); });
    } else if (same_word(name, "sitemap") && !value.empty()) {
      ours.sitemaps_.emplace_back(value);
    }
  }
  if (!named) {
    ours.rules_ = std::move(everybodys.rules_);
    ours.crawl_delay_ = everybodys.crawl_delay_;
  }
  return ours;
}

Robots Robots::disallow_all() {
  Robots robots;
  robots.rules_.push_back({"/", false});
  return robots;
}

bool Robots::allows(std::string_view target) const {
  if (target == "/robots.txt") return true;
  const std::string normal = normal_pattern(target);
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    if (best != nullptr && (rule.pattern.size() < best->pattern.size() ||
                            (rule.pattern.size() == best->pattern.size() && !rule.allow))) {
      continue;
    }
    if (matches(rule.pattern, normal)) best = &rule;
  }
  return best == nullptr || best->allow;
}

}  // namespace crawler
