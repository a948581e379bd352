// JSON that people write, read with the places of its mistakes. Not by Json::parse: it looks for each key of
// an object among those before it, which takes seconds for the jobs of a large flow.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "producer/cli/json.h"

namespace joinery::cli {
namespace {

// Characters of a text; tells how far the parser has come.
class Counted {
 public:
  using difference_type = std::ptrdiff_t;
  using value_type = char;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;

  Counted(const char* at, std::size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Counted& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  Counted operator++(int) {
    const Counted before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Counted& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* read_;
};

std::string place_of(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line = before.rfind('\n');
  return fmt::format("line {}, column {}", std::ranges::count(before, '\n') + 1,
                     line == before.npos ? at + 1 : at - line);
}

// What nlohmann::json calls with each part of the file, in order.
class Builder {
 public:
  Builder(std::string_view text, const std::size_t& read) : text_(text), read_(read) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }  // not in a text
  bool start_object(std::size_t) {
    keys_.emplace_back();
    return add(Json::object()), true;
  }
  bool start_array(std::size_t) { return add(Json::array()), true; }
  bool end_object() {
    keys_.pop_back();
    return open_.pop_back(), true;
  }
  bool end_array() { return open_.pop_back(), true; }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      mistake_ = fmt::format("the key \"{}\" is there twice (the second at {})", name,
                             place_of(text_, text_.rfind('"', read_ - 2)));
      return false;
    }
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 9: ..."
    const std::string_view what = error.what();
    const std::size_t place = what.find("line ");
    mistake_ = "not JSON: " + std::string(what.substr(place == what.npos ? 0 : place));
    return false;
  }

  Result<Json> taken() {
    if (mistake_.empty()) return std::move(root_);
    return fail(Code::invalid_argument, mistake_);
  }

 private:
  bool add(Json value) {
    const bool opens = value.is_structured();
    Json* to = open_.empty() ? nullptr : open_.back();
    Json* there = &root_;
    if (to == nullptr) {
      root_ = std::move(value);
    } else if (to->is_array()) {
      there = &to->emplace_back(std::move(value));
    } else {
      there = &add_new(*to, std::move(key_), std::move(value));
    }
    if (opens) open_.push_back(there);
    return true;
  }

  const std::string_view text_;
  const std::size_t& read_;
  Json root_;
  std::vector<Json*> open_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string key_;
  std::string mistake_;
};

}  // namespace

Result<Json> parse_json_file(std::string_view text) {
  std::size_t read = 0;
  Builder builder(text, read);
  Json::sax_parse(Counted(text.data(), &read), Counted(text.data() + text.size(), &read), &builder);
  return builder.taken();
}

}  // namespace joinery::cli
