#include "crawl/known.h"

namespace crawler {

void Known::delivered(Hash url, Delivery parent) {
  const std::lock_guard guard(mutex_);
  known_.insert(url);
  const auto confirmed = unconfirmed_.extract(parent);
  if (!confirmed.empty()) known_.insert(confirmed.mapped().begin(), confirmed.mapped().end());
}

bool Known::has(Hash url) const {
  const std::lock_guard guard(mutex_);
  return known_.contains(url);
}

void Known::submitted(Delivery parent, std::vector<Hash> urls) {
  if (urls.empty()) return;
  const std::lock_guard guard(mutex_);
  unconfirmed_[parent] = std::move(urls);
}

}  // namespace crawler
