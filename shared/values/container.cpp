// What all containers share: names, calls, errors, times to live, and anonymous ones.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "shared/manager/core.h"
#include "shared/values/core.h"
#include "shared/values/scripts.h"

namespace joinery::values {

using manager_detail::Repeat;
using std::chrono::milliseconds;

// Keeps an anonymous container while it exists.
class Anonymous {
 public:
  static constexpr milliseconds believed{60'000};

  Anonymous(const Manager& manager, std::string name)
      : manager_(manager), name_(std::move(name)), keys_(manager.key_prefix(), name_) {
    auto keep = [keys = keys_, name = name_](redis::Client& redis) {
      const std::string lease = std::to_string(believed.count());
      const auto reply =
          redis.eval(keep_anonymous_script, std::array<Bytes, 3>{keys.anonymous, keys.value, keys.fence},
                     std::array<Bytes, 3>{name, lease, keys.prefix});
      return reply && reply->kind == redis::Value::Kind::integer;
    };
    // Told before anything is written, so that nothing is left behind whatever happens.
    if (auto connection = manager_.core().borrow(); !keep(*connection)) {
      connection.broken();
      throw Exception(Code::redis_unreachable, "Redis did not take an anonymous container");
    }
    renewal_ = manager_.core().keeper().keep(believed / 3, believed / 3, keep);
  }
  ~Anonymous() {
    manager_.core().keeper().forget(renewal_);
    try {
      const std::vector<std::vector<std::string>> commands{{"UNLINK", keys_.value, keys_.fence},
                                                           {"ZREM", keys_.anonymous, name_}};
      manager_.core().pipeline(commands, Repeat::never);
    } catch (const Exception&) {  // deleted when it is not renewed any more
    }
  }

 private:
  struct Keys {
    Keys(const std::string& at, const std::string& name)
        : anonymous(anonymous_key(at)),
          value(value_key(at, name)),
          fence(fence_key(at, name)),
          prefix(value_key(at, "")) {}
    std::string anonymous;
    std::string value;
    std::string fence;
    std::string prefix;
  };
  Manager manager_;
  std::string name_;
  Keys keys_;
  manager_detail::Keeper::Id renewal_ = 0;
};

Container::Container(const Manager& manager, std::string name, const char* what)
    : manager_(manager), name_(std::move(name)), what_(what) {
  const bool anonymous = name_.empty();
  if (anonymous) name_ = "anonymous-" + manager_.core().next_id();
  const bool sound = std::ranges::none_of(name_, [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (name_.size() > 255 || !sound)
    throw ValueError("name: expected 1 to 255 bytes without control characters");
  key_ = value_key(manager_.key_prefix(), name_);
  if (anonymous) anonymous_ = std::make_unique<Anonymous>(manager_, name_);
}

Container::~Container() = default;
Container::Container(Container&&) noexcept = default;
Container& Container::operator=(Container&&) noexcept = default;

std::string Container::where(std::string_view field) const {
  return field.empty() ? name_ : fmt::format("{}[{}]", name_, field);
}

// Redis says that something is wrong; what is there is asked for, so that the error can name it.
redis::Value Container::checked(redis::Value reply) const {
  if (reply.kind != redis::Value::Kind::error) return reply;
  const std::string& text = reply.text;
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (says("WRONGTYPE")) {
    const std::array<Bytes, 2> words{"TYPE", key_};
    const std::string found = manager_.core().command(words, Repeat::safe).text;
    throw TypeError(fmt::format("{}: expected {}, found {}", name_, what_,
                                found == "hash"     ? "a dict"
                                : found == "list"   ? "a list"
                                : found == "set"    ? "a set"
                                : found == "string" ? "a value"
                                                    : found));
  }
  if (says("index out of range") || says("no such key")) throw IndexError(name_ + ": no such index");
  throw Exception(Code::internal, fmt::format("{}: Redis answers: {}", name_, text));
}

redis::Value Container::ask(const Words& words) const {
  const std::vector<Bytes> views(words.begin(), words.end());
  return checked(manager_.core().command(views, Repeat::safe));
}

redis::Value Container::change(const Words& words) const {
  const std::vector<Bytes> views(words.begin(), words.end());
  return checked(manager_.core().command(views, Repeat::never));
}

redis::Value Container::script(const redis::Script& script, std::vector<Bytes> arguments, bool repeat) const {
  const std::array<Bytes, 1> keys{key_};
  return checked(manager_.core().eval(script, keys, arguments, repeat ? Repeat::safe : Repeat::never));
}

redis::Value Container::fenced(std::uint64_t fence, std::vector<Bytes> arguments) const {
  const std::string seen = fence_key(manager_.key_prefix(), name_);
  const std::string digits = fmt::format("{:020}", fence);
  arguments.insert(arguments.begin(), digits);
  const std::array<Bytes, 2> keys{key_, seen};
  auto reply = checked(manager_.core().eval(fenced_script, keys, arguments, Repeat::safe));
  if (reply.list.at(0).text == "1") return reply.list.at(1);
  throw StaleFence(fmt::format("{}: fence {} came too late: {} was seen", name_, fence,
                               std::stoull(reply.list.at(1).text)));
}

bool Container::exists() const { return ask({"EXISTS", key_}).integer == 1; }

void Container::clear() { change({"UNLINK", key_}); }

bool Container::expire(milliseconds ttl) {
  const std::string text = std::to_string(ttl.count());
  ask({"PEXPIRE", fence_key(manager_.key_prefix(), name_), text});
  return ask({"PEXPIRE", key_, text}).integer == 1;
}

bool Container::persist() {
  ask({"PERSIST", fence_key(manager_.key_prefix(), name_)});
  return ask({"PERSIST", key_}).integer == 1;
}

std::optional<milliseconds> Container::ttl() const {
  const auto left = ask({"PTTL", key_}).integer;
  return left < 0 ? std::nullopt : std::optional(milliseconds(left));
}

std::optional<Buffer> Container::read(const Place& place) const {
  const std::string_view kind = place.kind;
  auto reply = kind == "hash"   ? ask({"HGET", key_, place.field})
               : kind == "list" ? ask({"LINDEX", key_, place.field})
                                : ask({"GET", key_});
  if (reply.kind == redis::Value::Kind::nil) return std::nullopt;
  return std::move(reply.text);
}

bool Container::compare_and_set(const Place& place, const std::optional<Buffer>& old, Bytes element) {
  return script(compare_and_set_script,
                {place.kind, place.field, old ? "1" : "0", old ? Bytes(*old) : Bytes(), element})
             .integer == 1;
}

Buffer Container::add(const Place& place, const Addend& addend) {
  const std::array<Bytes, 1> keys{key_};
  const std::array<Bytes, 5> arguments{place.kind, place.field, addend.by, addend.least, addend.greatest};
  auto reply = manager_.core().eval(add_script, keys, arguments, Repeat::never);
  if (reply.kind == redis::Value::Kind::error) cannot_add(place, addend, reply.text);
  reply = checked(std::move(reply));
  if (reply.kind == redis::Value::Kind::nil) throw IndexError(where(place.field) + " does not exist");
  return std::move(reply.text);
}

// Returns if it is no matter of numbers.
void Container::cannot_add(const Place& place, const Addend& addend, std::string_view error) const {
  constexpr std::string_view overflow = "OVERFLOW ";
  if (error.find("WRONGVALUE") != std::string_view::npos) {
    const auto expected = addend.least.empty() ? "a number to add to" : "an integer to add to";
    wrong_type(where(place.field), expected, read(place).value_or(""));
  }
  const auto at = error.find(overflow);
  if (at == std::string_view::npos) return;
  std::string_view old = error.substr(at + overflow.size());
  old = old.substr(0, old.find(' '));  // Redis says more behind it
  const bool redis_ends = addend.greatest == encode(INT64_MAX);
  throw ValueError(fmt::format("{}: {} plus {} is not an integer from {} to {}{}", where(place.field), old,
                               addend.by, addend.least, addend.greatest,
                               redis_ends ? " (Redis adds signed integers of 64 bits)" : ""));
}

}  // namespace joinery::values
