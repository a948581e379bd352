#include "shared/config/toml_file.h"

#include <fmt/core.h>

#include <algorithm>

#include <stdexcept>

// The parser asserts what some files do not keep to ("[.x]"); a mistake in a file must not end the program.
namespace {
struct Unparsable : std::logic_error {
  using logic_error::logic_error;
};
[[noreturn]] inline void unparsable(const char* what) { throw Unparsable(what); }
}  // namespace
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : unparsable(#expr))
#include <toml++/toml.h>

#include "shared/base/read_file.h"

namespace joinery::config {
namespace {

class Flattener {
 public:
  explicit Flattener(const std::string& file) : file_(file) {}

  Result<> table(const toml::table& table) {
    for (const auto& [key, node] : table) {
      path_.emplace_back(key.str());
      if (auto done = entry(node, key.source().begin.line); !done) return done;
      path_.pop_back();
    }
    return {};
  }
  std::vector<FileEntry> take() {
    std::ranges::stable_sort(entries_, {}, &FileEntry::line);
    return std::move(entries_);
  }

 private:
  Result<> entry(const toml::node& node, unsigned line) {
    if (const toml::table* inner = node.as_table()) {
      entries_.push_back({path_, {}, line, true});
      return table(*inner);
    }
    FileEntry found{path_, {}, line, false};
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array)
        if (auto done = scalar(element, found); !done) return done;
    } else if (auto done = scalar(node, found); !done) {
      return done;
    }
    entries_.push_back(std::move(found));
    return {};
  }

  Result<> scalar(const toml::node& node, FileEntry& entry) {
    if (const auto* text = node.as_string()) {
      entry.values.push_back(text->get());
    } else if (const auto* integer = node.as_integer()) {
      entry.values.push_back(fmt::format("{}", integer->get()));
    } else if (const auto* real = node.as_floating_point()) {
      entry.values.push_back(fmt::format("{}", real->get()));
    } else if (const auto* boolean = node.as_boolean()) {
      entry.values.push_back(boolean->get() ? "true" : "false");
    } else {
      return fail(Code::invalid_config,
                  fmt::format("{}:{}: \"{}\" must be a text, a number, true or false, or a list of these",
                              file_, entry.line, entry.name()),
                  entry.name());
    }
    return {};
  }

  const std::string& file_;
  std::vector<std::string> path_;
  std::vector<FileEntry> entries_;
};

}  // namespace

std::string FileEntry::name() const {
  std::string joined;
  for (const std::string& part : path) joined += (joined.empty() ? "" : ".") + part;
  return joined;
}

Result<std::vector<FileEntry>> read_toml(const std::string& file) try {
  const Result<std::string> text = read_file(file);
  if (!text) return fail(Code::invalid_config, text.error().message);
  const toml::table parsed = toml::parse(*text, file);
  Flattener flattener(file);
  if (auto done = flattener.table(parsed); !done) return std::unexpected(done.error());
  return flattener.take();
} catch (const toml::parse_error& error) {
  return fail(Code::invalid_config,
              fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
} catch (const Unparsable&) {
  return fail(Code::invalid_config,
              fmt::format("{}: this is not TOML: a key has a part without a name", file));
}

}  // namespace joinery::config
