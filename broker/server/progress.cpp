#include "broker/server/progress.h"

#include <algorithm>

#include "shared/base/utf8.h"

namespace joinery::broker::server {

void ProgressBook::note(Token token, double fraction, std::string_view text) {
  auto [entry, added] = of_job_.try_emplace(token.job);
  entry->second = {token, std::clamp(fraction, 0.0, 1.0), readable(text, text_max)};
  if (!added) return;
  by_age_.push_back(token.job);
  if (by_age_.size() <= most_) return;
  of_job_.erase(by_age_.front());
  by_age_.pop_front();
}

const Progress* ProgressBook::find(Token token) const {
  auto found = of_job_.find(token.job);
  return found != of_job_.end() && found->second.token == token ? &found->second : nullptr;
}

}  // namespace joinery::broker::server
