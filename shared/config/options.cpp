// Options of a program from flags, environment and file, in this order of precedence.
#include <fmt/core.h>

#include <cstdio>

#include "shared/base/check.h"
#include "shared/config/help.h"
#include "shared/config/options_impl.h"

namespace joinery::config {
Options::Impl::Impl(std::string name, const std::string& description, std::string file_name_of)
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

Result<> Options::Impl::assign(Option& option, const std::vector<std::string>& texts,
                               const std::string& source, const std::string& name) const {
  if (auto set = option.set(texts); !set)
    return fail(Code::invalid_config, fmt::format("{}{}: {}", source, name, set.error().message),
                option.name);
  option.source = source;
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
  fmt::print("{}", print_config(impl_->program, impl_->options, impl_->tables));
  return static_cast<int>(ExitCode::success);
}

Result<> Options::reload() { return impl_->reload(); }

}  // namespace joinery::config
