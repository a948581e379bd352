#include "crawl/scope.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "page/text.h"

namespace crawler {

std::vector<Scope::Regex> Scope::compiled(const std::vector<std::string>& expressions) {
  std::vector<Regex> out;
  for (const std::string& expression : expressions) {
    Regex regex(new regex_t, [](regex_t* old) {
      regfree(old);
      delete old;
    });
    if (const int error = regcomp(regex.get(), expression.c_str(), REG_EXTENDED | REG_NOSUB); error != 0) {
      char why[200];
      regerror(error, regex.get(), why, sizeof why);
      throw std::invalid_argument("'" + expression + "' is no regular expression: " + why);
    }
    out.push_back(std::move(regex));
  }
  return out;
}

bool Scope::any_matches(const std::vector<Regex>& expressions, const std::string& text) {
  return std::ranges::any_of(expressions, [&](const Regex& regex) {
    return regexec(regex.get(), text.c_str(), 0, nullptr, 0) == 0;
  });
}

Scope::Scope(const CrawlConfig& config)
    : config_(config), include_(compiled(config.include)), exclude_(compiled(config.exclude)) {}

bool Scope::has_host(const Url& url) const {
  return config_.hosts.empty() || std::ranges::find(config_.hosts, url.authority()) != config_.hosts.end();
}

bool Scope::has(const Url& url, std::uint32_t depth, LinkKind kind) const {
  if (depth > config_.depth || looks_like_a_trap(url)) return false;
  if (!has_host(url)) return false;
  if (kind == LinkKind::resource && !config_.resources) return false;
  if (kind == LinkKind::page && !config_.prefixes.empty() &&
      std::ranges::none_of(config_.prefixes,
                           [&](const std::string& prefix) { return url.path.starts_with(prefix); })) {
    return false;
  }
  if (include_.empty() && exclude_.empty()) return true;
  const std::string text = url.text();
  return (include_.empty() || any_matches(include_, text)) && !any_matches(exclude_, text);
}

bool looks_like_a_trap(const Url& url) {
  constexpr std::size_t length_max = 2000;
  constexpr int repeats_max = 4;
  if (url.path.size() + url.query.size() > length_max) return true;
  std::map<std::string_view, int> times;
  bool repeated = false;
  each_part(url.path, "/",
            [&](std::string_view segment) { repeated = ++times[segment] > repeats_max || repeated; });
  return repeated;
}

}  // namespace crawler
