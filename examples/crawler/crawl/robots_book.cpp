#include "crawl/robots_book.h"

#include "crawl/files.h"
#include "crawl/now.h"
#include "store/digest.h"
#include "store/lines.h"

namespace crawler {
namespace {

using State = RobotsEntry::State;
constexpr std::int64_t minute_ms = 60'000;

// RFC 9309 wants no more than a day. One who follows a redirect may have died.
std::int64_t time_to_live_ms(State state) {
  switch (state) {
    case State::known: return 24 * 60 * minute_ms;
    case State::unreachable: return 30 * minute_ms;
    default: return 5 * minute_ms;
  }
}

}  // namespace

std::string RobotsBook::file_of(const std::string& origin) const {
  return directory_ + "/" + short_digest(origin) + ".json";
}

RobotsBook::Cached RobotsBook::parse(const std::string& origin) const {
  const Json json = Json::parse(files::read_whole(file_of(origin)), nullptr, false);
  static const auto unknown = std::make_shared<const RobotsEntry>();
  if (!json.is_object()) return {unknown, 0};
  RobotsEntry entry;
  entry.state = static_cast<State>(json.value("state", 0));
  const std::int64_t until_ms = json.value("at_ms", std::int64_t{0}) + time_to_live_ms(entry.state);
  if (until_ms < now_unix_ms()) return {unknown, 0};
  const std::string text = json.value("text", "");
  if (entry.state == State::known) {
    entry.robots = Robots::parse(text, product_);
  } else if (entry.state == State::unreachable) {
    entry.robots = Robots::disallow_all();
    entry.message = text;
  }
  return {std::make_shared<const RobotsEntry>(std::move(entry)), until_ms};
}

std::shared_ptr<const RobotsEntry> RobotsBook::look(const std::string& origin) {
  {
    const std::lock_guard guard(mutex_);
    const auto found = cached_.find(origin);
    if (found != cached_.end() && found->second.until_ms > now_unix_ms()) return found->second.entry;
  }
  Cached fresh = parse(origin);
  if (fresh.entry->state == State::known || fresh.entry->state == State::unreachable) {
    const std::lock_guard guard(mutex_);
    cached_[origin] = fresh;
  }
  return fresh.entry;
}

void RobotsBook::write(const std::string& origin, State state, const std::string& text) {
  const Json json{
      {"origin", origin}, {"state", static_cast<int>(state)}, {"at_ms", now_unix_ms()}, {"text", text}};
  files::write_whole(file_of(origin), json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace crawler
