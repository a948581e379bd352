// The public face of the core.
#include <joinery/manager.h>

#include <algorithm>

#include "shared/base/exceptions.h"
#include "shared/manager/core.h"

namespace joinery {
namespace {

redis::Url parse(std::string_view text) {
  auto url = redis::parse_url(text);
  if (!url) throw Exception(url.error());
  return *std::move(url);
}

void check(std::string_view name_space) {
  const bool sound = std::ranges::all_of(
      name_space, [](unsigned char c) { return c > ' ' && c != 0x7f && c != '{' && c != '}'; });
  if (name_space.empty() || name_space.size() > 255 || !sound) {
    throw ValueError("namespace: expected 1 to 255 printable characters without braces and spaces");
  }
}

}  // namespace

std::string key_prefix(std::string_view name_space) { return "joinery:{" + std::string(name_space) + "}:"; }

Manager::Manager(redis::Url url, std::string name_space, ManagerOptions options) {
  check(name_space);
  core_ = manager_detail::Core::of(url, name_space, options.timeout);
  owner_ = options.owner.empty() ? core_->process() : std::move(options.owner);
}

Manager::Manager(std::string_view redis_url, std::string name_space, ManagerOptions options)
    : Manager(parse(redis_url), std::move(name_space), std::move(options)) {}

Manager Manager::owned_by(std::string owner) const {
  Manager other = *this;
  other.owner_ = std::move(owner);
  return other;
}

const std::string& Manager::name_space() const { return core_->name_space(); }
const std::string& Manager::key_prefix() const { return core_->prefix(); }

}  // namespace joinery
