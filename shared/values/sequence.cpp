// The list beneath List and Array.
#include "shared/values/core.h"
#include "shared/values/scripts.h"

namespace joinery::values {

std::size_t Sequence::size() const { return static_cast<std::size_t>(ask({"LLEN", key()}).integer); }

void Sequence::no_index(std::int64_t index) const {
  throw IndexError(where(std::to_string(index)) + " does not exist");
}

Buffer Sequence::at(std::int64_t index) const {
  auto element = read(place(index));
  if (!element) no_index(index);
  return *std::move(element);
}

void Sequence::set_at(std::int64_t index, Bytes element) {
  try {
    ask({"LSET", key(), std::to_string(index), Buffer(element)});
  } catch (const IndexError&) {
    no_index(index);
  }
}

void Sequence::push(const std::vector<Buffer>& elements) {
  if (elements.empty()) return;
  std::vector<std::string> words{"RPUSH", key()};
  words.insert(words.end(), elements.begin(), elements.end());
  change(words);
}

void Sequence::insert_at(std::int64_t index, Bytes element) {
  script(insert_at_script, {std::to_string(index), element});
}

Buffer Sequence::pop_at(std::int64_t index) {
  auto reply = index == -1  ? change({"RPOP", key()})
               : index == 0 ? change({"LPOP", key()})
                            : script(pop_at_script, {std::to_string(index)});
  if (reply.kind == redis::Value::Kind::nil) no_index(index);
  return std::move(reply.text);
}

// Python's: `end` is not in it, negative ones count from the end.
std::vector<Buffer> Sequence::range(std::int64_t begin, std::optional<std::int64_t> end) const {
  std::vector<Buffer> out;
  if (end && *end == 0) return out;
  for (auto& one : ask({"LRANGE", key(), std::to_string(begin), std::to_string(end ? *end - 1 : -1)}).list) {
    out.push_back(std::move(one.text));
  }
  return out;
}

std::optional<std::int64_t> Sequence::find(Bytes element) const {
  const auto reply = ask({"LPOS", key(), Buffer(element)});
  return reply.kind == redis::Value::Kind::integer ? std::optional(reply.integer) : std::nullopt;
}

bool Sequence::remove_first(Bytes element) {
  return change({"LREM", key(), "1", Buffer(element)}).integer == 1;
}

bool Sequence::replace(const std::vector<Buffer>& old, const std::vector<Buffer>& elements) {
  const std::string number = std::to_string(old.size());
  std::vector<Bytes> arguments{number};
  arguments.insert(arguments.end(), old.begin(), old.end());
  arguments.insert(arguments.end(), elements.begin(), elements.end());
  return script(replace_list_script, std::move(arguments)).integer == 1;
}

std::size_t Sequence::make(std::size_t number, Bytes element) {
  const std::string text = std::to_string(number);
  return static_cast<std::size_t>(script(make_list_script, {text, element}, true).integer);
}

}  // namespace joinery::values
