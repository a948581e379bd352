// The hash beneath Dict and Namespace, and the set beneath Set.
#include "shared/values/core.h"
#include "shared/values/scripts.h"

namespace joinery::values {
namespace {

std::vector<Buffer> texts(redis::Value reply) {
  std::vector<Buffer> out;
  out.reserve(reply.list.size());
  for (auto& one : reply.list) out.push_back(std::move(one.text));
  return out;
}

std::vector<std::string> command(const char* verb, const std::string& key, const std::vector<Buffer>& more) {
  std::vector<std::string> words{verb, key};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

std::size_t Hash::size() const { return static_cast<std::size_t>(ask({"HLEN", key()}).integer); }

void Hash::set_fields(const Pairs& pairs) {
  if (pairs.empty()) return;
  std::vector<std::string> words{"HSET", key()};
  for (const auto& [field, element] : pairs) {
    words.push_back(field);
    words.push_back(element);
  }
  change(words);
}

void Hash::set_fenced(Bytes field, Bytes element, std::uint64_t fence) {
  fenced(fence, {"hset", field, element});
}

bool Hash::erase_fenced(Bytes field, std::uint64_t fence) {
  return fenced(fence, {"hdel", field}).integer == 1;
}

std::size_t Hash::erase_fields(const std::vector<Buffer>& fields) {
  if (fields.empty()) return 0;
  return static_cast<std::size_t>(change(command("HDEL", key(), fields)).integer);
}

std::vector<std::optional<Buffer>> Hash::get_fields(const std::vector<Buffer>& fields) const {
  std::vector<std::optional<Buffer>> out;
  if (fields.empty()) return out;
  for (auto& one : ask(command("HMGET", key(), fields)).list) {
    out.push_back(one.kind == redis::Value::Kind::nil ? std::nullopt : std::optional(std::move(one.text)));
  }
  return out;
}

Buffer Hash::set_default(Bytes field, Bytes element) {
  return script(set_default_script, {field, element}, true).text;
}

std::optional<Buffer> Hash::pop_field(Bytes field) {
  auto reply = script(pop_field_script, {field});
  return reply.kind == redis::Value::Kind::nil ? std::nullopt : std::optional(std::move(reply.text));
}

std::optional<std::pair<Buffer, Buffer>> Hash::pop_any() {
  auto reply = script(pop_any_script, {});
  if (reply.list.size() != 2) return std::nullopt;
  return std::pair(std::move(reply.list[0].text), std::move(reply.list[1].text));
}

bool Hash::has_field(Bytes field) const { return ask({"HEXISTS", key(), Buffer(field)}).integer == 1; }
std::vector<Buffer> Hash::fields() const { return texts(ask({"HKEYS", key()})); }
std::vector<Buffer> Hash::elements() const { return texts(ask({"HVALS", key()})); }

Pairs Hash::pairs() const {
  Pairs out;
  auto flat = texts(ask({"HGETALL", key()}));
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2)
    out.emplace_back(std::move(flat[i]), std::move(flat[i + 1]));
  return out;
}

std::size_t Members::size() const { return static_cast<std::size_t>(ask({"SCARD", key()}).integer); }

std::size_t Members::add_members(const std::vector<Buffer>& members) {
  if (members.empty()) return 0;
  return static_cast<std::size_t>(change(command("SADD", key(), members)).integer);
}

std::size_t Members::remove_members(const std::vector<Buffer>& members) {
  if (members.empty()) return 0;
  return static_cast<std::size_t>(change(command("SREM", key(), members)).integer);
}

bool Members::has_member(Bytes member) const {
  return ask({"SISMEMBER", key(), Buffer(member)}).integer == 1;
}

std::optional<Buffer> Members::pop_member() {
  auto reply = change({"SPOP", key()});
  return reply.kind == redis::Value::Kind::nil ? std::nullopt : std::optional(std::move(reply.text));
}

std::vector<Buffer> Members::members() const { return texts(ask({"SMEMBERS", key()})); }
std::vector<Buffer> Members::with(const char* verb, const Members& other) const {
  return texts(ask({verb, key(), other.key()}));
}

}  // namespace joinery::values
