// Values of options from the file and the environment, and the file read again.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "shared/config/options_impl.h"

namespace joinery::config {
namespace {

// In files, "keep-result" and "keep_result" are the same key.
bool same_key(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return c == '-' ? '_' : c; }, [](char c) { return c == '-' ? '_' : c; });
}

bool may_reload(const Option& option) {
  return option.reloadable && option.source != option.flag && option.source != option.variable;
}

}  // namespace

std::string Options::Impl::find_file() const {
  if (!file_given.empty()) return file_given;
  const char* folder = std::getenv("JOINERY_CONFIG_DIR");
  for (const std::string& place :
       {std::string(folder == nullptr ? "" : folder), std::string("/etc/joinery")}) {
    if (place.empty()) continue;
    const std::filesystem::path candidate = std::filesystem::path(place) / file_name;
    std::error_code ignored;
    if (std::filesystem::exists(candidate, ignored)) return candidate.string();
  }
  return {};
}

Result<> Options::Impl::table_entry(const TableKind& kind, const FileEntry& entry) {
  const std::string& name = entry.path[1];
  const auto same = [&](const NamedTable& table) {
    return table.prefix == kind.prefix && table.name == name;
  };
  auto table = std::ranges::find_if(tables, same);
  if (table == tables.end())
    table = tables.insert(tables.end(), NamedTable{kind.prefix, name, {}, {}, file, entry.line});
  if (entry.is_table) return {};
  std::string key;
  for (std::size_t i = 2; i < entry.path.size(); ++i) key += (key.empty() ? "" : ".") + entry.path[i];
  if (!kind.knows(key))
    return fail(Code::invalid_config,
                fmt::format("{}:{}: \"{}\" is not known in [{}.{}]{}", file, entry.line, key, kind.prefix,
                            name, meant(key, kind.keys)),
                entry.name());
  table->entries.emplace_back(key, entry.values);
  table->lines.push_back(entry.line);
  return {};
}

Result<> Options::Impl::file_entry(const FileEntry& entry, bool again) {
  for (const TableKind& kind : kinds)
    if (entry.path.front() == kind.prefix &&
        (entry.path.size() > 2 || (entry.path.size() == 2 && entry.is_table)))
      return table_entry(kind, entry);
  if (entry.is_table) return {};  // its keys are looked at one by one
  const std::string name = entry.name();
  const auto option =
      std::ranges::find_if(options, [&name](const Option& one) { return same_key(one.name, name); });
  if (option != options.end())
    return again && !may_reload(*option)
               ? Result<>()
               : assign(*option, entry.values, fmt::format("{}:{}", file, entry.line), ": " + name);
  std::vector<std::string> known;
  for (const Option& one : options) known.push_back(one.name);
  for (const TableKind& kind : kinds) known.push_back(kind.prefix + ".NAME");
  return fail(Code::invalid_config,
              fmt::format("{}:{}: \"{}\" is not known{}", file, entry.line, name, meant(name, known)), name);
}

Result<> Options::Impl::from_file(bool again) {
  tables.clear();
  if (file.empty()) return {};
  const auto entries = read_toml(file);
  if (!entries) return std::unexpected(entries.error());
  for (const FileEntry& entry : *entries)
    if (auto done = file_entry(entry, again); !done) return done;
  return give_tables();
}

// What the file no longer names has its default again; with a mistake, all stays as it was.
Result<> Options::Impl::reload() {
  std::vector<std::pair<std::vector<std::string>, std::string>> before;
  for (Option& option : options) {
    before.emplace_back(option.show(), option.source);
    if (!may_reload(option)) continue;
    if (auto reset = assign(option, option.initial, "default"); !reset) return reset;
  }
  Result<> done = from_file(true);
  if (done) return done;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (!options[i].reloadable) continue;
    if (auto back = assign(options[i], before[i].first, before[i].second); !back) return back;
  }
  return done;
}

Result<> Options::Impl::give_tables() const {
  for (const NamedTable& table : tables) {
    const auto kind = std::ranges::find(kinds, table.prefix, &TableKind::prefix);
    if (auto taken = kind->take(table.name, table.entries); !taken)
      return fail(Code::invalid_config,
                  fmt::format("{}:{}: [{}.{}]: {}", table.file, table.line, table.prefix, table.name,
                              taken.error().message),
                  taken.error().field);
  }
  return {};
}

Result<> Options::Impl::from_environment() {
  for (Option& option : options) {
    const char* text = std::getenv(option.variable.c_str());
    if (text == nullptr || *text == '\0') continue;
    const bool is_list = option.kind == Option::Kind::list;
    const auto texts = is_list ? split_commas(text) : std::vector<std::string>{text};
    if (auto done = assign(option, texts, option.variable); !done) return done;
  }
  return {};
}

void Options::Impl::warn_of_near_misses() const {
  constexpr std::string_view prefix =
      "JOINERY_";  // left out of the comparison, which it would make too lenient
  std::vector<std::string> known{"CONFIG_DIR"};
  for (const Option& option : options) known.push_back(option.variable.substr(prefix.size()));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    if (std::ranges::find(known, name) != known.end()) continue;
    if (const auto near = nearest(name, known))
      fmt::print(stderr, "{}: the variable JOINERY_{} is not known; did you mean JOINERY_{}?\n", program,
                 name, *near);
  }
}

}  // namespace joinery::config
