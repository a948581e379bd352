// Options of a program from flags, environment and file, in this order of precedence.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "shared/base/check.h"
#include "shared/base/exit_code.h"
#include "shared/config/config.h"
#include "shared/config/help.h"
#include "shared/config/option.h"
#include "shared/config/toml_file.h"

namespace joinery::config {
namespace {

struct TableKind {
  std::string prefix;
  std::vector<std::string> keys;
  std::function<Result<>(const std::string&, const Options::Table&)> take;

  bool knows(const std::string& key) const {
    return std::ranges::any_of(keys, [&key](const std::string& known) {
      return known.ends_with(".*") ? key.starts_with(known.substr(0, known.size() - 1)) : key == known;
    });
  }
};

// In files, "keep-result" and "keep_result" are the same key.
bool same_key(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return c == '-' ? '_' : c; }, [](char c) { return c == '-' ? '_' : c; });
}

bool may_reload(const Option& option) {
  return option.reloadable && option.source != option.flag && option.source != option.variable;
}

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    if (end > start) parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

}  // namespace

struct Options::Impl {
  std::string program;
  std::string file_name;
  CLI::App app;
  std::string file_given;
  bool print = false;
  std::vector<Option> options;
  std::vector<TableKind> kinds;
  std::vector<NamedTable> tables;
  std::string file;  // the one in use; empty: none
  std::function<void(const Error&)> tell;

  Impl(std::string name, const std::string& description, std::string file_name_of)
      : program(std::move(name)), file_name(std::move(file_name_of)), app(description, program) {
    app.add_option(
           "--config", file_given,
           fmt::format("configuration file, else $JOINERY_CONFIG_DIR/{0} or /etc/joinery/{0}", file_name))
        ->type_name("FILE");
    app.add_flag("--print-config", print, "show each value and where it came from");
    app.set_version_flag("--version", fmt::format("{} {}", program, JOINERY_VERSION), "the version");
    app.set_help_flag("-h,--help", "this help");
    const auto format = std::make_shared<HelpFormat>();
    format->column_width(36);
    app.formatter(format);
  }

  void add(Option option);
  int mistake(ExitCode code, const Error& error) const;
  int misused(const CLI::App& where, const std::string& message) const;
  int usage(const CLI::ParseError& error);
  std::string find_file() const;
  Result<> assign(Option& option, const std::vector<std::string>& texts, const std::string& source,
                  const std::string& name = {}) const;
  Result<> from_file(bool again);
  Result<> file_entry(const FileEntry& entry, bool again);
  Result<> reload();
  Option& option(const std::string& name);
  Result<> table_entry(const TableKind& kind, const FileEntry& entry);
  static unsigned line_of(const NamedTable& table, std::string_view field);
  Result<> give_tables() const;
  Result<> from_environment();
  Result<> from_flags();
  void warn_of_near_misses() const;
  bool print_as_json() const;
};

void Options::Impl::add(Option option) {
  const std::string& help = option.help;  // const: else CLI11 takes it for the variable to write to
  if (option.kind == Option::Kind::boolean) {
    option.cli =
        app.add_flag(fmt::format("{0}{{true}},--no-{1}{{false}}", option.flag, option.flag.substr(2)), help);
  } else {
    option.cli = app.add_option(option.flag, help)->type_name(option.hint);
    option.cli->type_size(1)->expected(1)->allow_extra_args(false);
    const std::vector<std::string> shown = option.show();
    std::string text;
    for (const std::string& part : shown) text += (text.empty() ? "" : ",") + part;
    option.cli->default_str(text);
  }
  option.cli->multi_option_policy(option.kind == Option::Kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::TakeLast);
  option.initial = option.show();
  options.push_back(std::move(option));
}

Option& Options::Impl::option(const std::string& name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  JOINERY_CHECK(found != options.end());
  return *found;
}

int Options::Impl::mistake(ExitCode code, const Error& error) const {
  if (tell)
    tell(error);
  else
    fmt::print(stderr, "{}: {}\n", program, error.message);
  return static_cast<int>(code);
}

// `where`: the command in which the mistake was made, whose help is named.
int Options::Impl::misused(const CLI::App& where, const std::string& message) const {
  std::string command;
  for (const CLI::App* level = &where; level != &app; level = level->get_parent())
    command = " " + level->get_name() + command;
  return mistake(
      ExitCode::usage,
      {Code::invalid_argument, fmt::format("{} (see {}{} --help)", message, program, command), {}});
}

// Help and version are told by CLI11; of mistakes, the unknown word gets its nearest known one.
int Options::Impl::usage(const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const CLI::App* last = &app;
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  const std::vector<std::string> rest = app.remaining(true);
  const bool has_stranger = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                            dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!has_stranger || rest.empty()) return misused(*last, error.what());
  const std::string word = rest.front().substr(0, rest.front().find('='));
  std::vector<std::string> known;
  const bool is_flag = word.starts_with('-');
  for (const CLI::App* level = last; level != nullptr; level = level->get_parent()) {
    if (is_flag)
      for (const CLI::Option* option : level->get_options())
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    else if (level == last)
      for (const CLI::App* sub : level->get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(sub->get_name());
  }
  return misused(*last, fmt::format("\"{}\" is not known here{}", word, meant(word, known)));
}

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

Result<> Options::Impl::assign(Option& option, const std::vector<std::string>& texts,
                               const std::string& source, const std::string& name) const {
  Result<> set = option.set(texts);
  if (set && option.check) set = option.check(texts);
  if (!set)
    return fail(Code::invalid_config, fmt::format("{}{}: {}", source, name, set.error().message),
                option.name);
  option.source = source;
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

// Of the key that an error names ("cron", "columns.key"); else of the table.
unsigned Options::Impl::line_of(const NamedTable& table, std::string_view field) {
  for (std::size_t i = 0; i < table.entries.size(); ++i) {
    const std::string& key = table.entries[i].first;
    if (field == key || field.ends_with("." + key)) return table.lines[i];
  }
  return table.line;
}

Result<> Options::Impl::give_tables() const {
  for (const NamedTable& table : tables) {
    const auto kind = std::ranges::find(kinds, table.prefix, &TableKind::prefix);
    if (auto taken = kind->take(table.name, table.entries); !taken)
      return fail(Code::invalid_config,
                  fmt::format("{}:{}: [{}.{}]: {}", table.file, line_of(table, taken.error().field),
                              table.prefix, table.name, taken.error().message),
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

Result<> Options::Impl::from_flags() {
  for (Option& option : options) {
    if (option.cli->count() == 0) continue;
    std::vector<std::string> texts = option.cli->results();
    if (option.kind == Option::Kind::list) {
      std::vector<std::string> parts;
      for (const std::string& text : texts) std::ranges::move(split_commas(text), std::back_inserter(parts));
      texts = std::move(parts);
    } else {
      texts = {texts.back()};
    }
    if (auto done = assign(option, texts, option.flag); !done) return done;
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

bool Options::Impl::print_as_json() const {
  const auto json = std::ranges::find(options, "json", &Option::name);
  return json != options.end() && json->show() == std::vector<std::string>{"true"};
}

Options::Options(std::string program, std::string description, std::string file_name)
    : impl_(std::make_unique<Impl>(std::move(program), description, std::move(file_name))) {}
Options::~Options() = default;
CLI::App& Options::app() { return impl_->app; }
void Options::on_mistake(std::function<void(const Error&)> tell) { impl_->tell = std::move(tell); }
void Options::examples(const std::string& text) { impl_->app.footer(text); }

void Options::add(const std::string& name, std::string& value, const std::string& help) {
  impl_->add(make_option(name, value, help));
}
void Options::add(const std::string& name, bool& value, const std::string& help) {
  impl_->add(make_option(name, value, help));
}
void Options::add(const std::string& name, std::uint32_t& value, const std::string& help, std::uint32_t least,
                  std::uint32_t most) {
  impl_->add(make_option(name, value, help, least, most));
}
void Options::add(const std::string& name, Bytes& value, const std::string& help) {
  impl_->add(make_option(name, value, help));
}
void Options::add(const std::string& name, Milliseconds& value, const std::string& help) {
  impl_->add(make_option(name, value, help));
}
void Options::add(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  impl_->add(make_option(name, value, help));
}
void Options::add(const std::string& name, std::string& value, const std::string& help,
                  const std::vector<std::string>& words) {
  impl_->add(make_option(name, value, help, words));
}

void Options::check(const std::string& name,
                    std::function<Result<>(const std::vector<std::string>& values)> check) {
  impl_->option(name).check = std::move(check);
}
void Options::check(const std::string& name, std::function<Result<>(const std::string& value)> check) {
  impl_->option(name).check = [check = std::move(check)](const std::vector<std::string>& values) {
    return check(values.front());
  };
}

void Options::show_as(const std::string& name, std::function<std::string(const std::string&)> show) {
  impl_->option(name).disguise = std::move(show);
}
void Options::reloadable(const std::string& name) { impl_->option(name).reloadable = true; }

void Options::tables(const std::string& prefix, const std::vector<std::string>& keys,
                     std::function<Result<>(const std::string&, const Table&)> take) {
  impl_->kinds.push_back({prefix, keys, std::move(take)});
}

std::optional<int> Options::parse(int argc, const char* const* argv) {
  try {
    impl_->app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    if (!impl_->print) return impl_->usage(error);  // what a command needs, the configuration does not
  } catch (const CLI::ParseError& error) {
    return impl_->usage(error);
  }
  impl_->warn_of_near_misses();
  impl_->file = impl_->find_file();
  Result<> done = impl_->from_file(false);
  if (done) done = impl_->from_environment();
  if (!done) return impl_->mistake(ExitCode::config, done.error());
  if (done = impl_->from_flags(); !done)
    return impl_->mistake(ExitCode::usage,
                          {Code::invalid_argument, done.error().message, done.error().field});
  if (!impl_->print) return std::nullopt;
  fmt::print("{}", impl_->print_as_json() ? print_config_json(impl_->options)
                                          : print_config(impl_->program, impl_->options, impl_->tables));
  return static_cast<int>(ExitCode::success);
}

Result<> Options::reload() { return impl_->reload(); }

}  // namespace joinery::config
