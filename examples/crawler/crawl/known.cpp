#include "crawl/known.h"

#include <functional>

namespace crawler {
namespace {

std::uint64_t hash(const std::string& text) { return std::hash<std::string>()(text); }

}  // namespace

void Known::delivered(const std::string& url, Delivery parent) {
  const std::lock_guard guard(mutex_);
  known_.insert(hash(url));
  const auto confirmed = unconfirmed_.extract(parent);
  if (!confirmed.empty()) known_.insert(confirmed.mapped().begin(), confirmed.mapped().end());
}

bool Known::has(const std::string& url) const {
  const std::lock_guard guard(mutex_);
  return known_.contains(hash(url));
}

void Known::submitted(Delivery parent, const std::vector<std::string>& urls) {
  if (urls.empty()) return;
  const std::lock_guard guard(mutex_);
  auto& its = unconfirmed_[parent];
  for (const std::string& url : urls) its.push_back(hash(url));
}

}  // namespace crawler
