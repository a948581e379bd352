#include "producer/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "producer/cli/command.h"
#include "shared/base/descriptors.h"
#include "shared/transport/endpoint.h"

namespace joinery::cli {
namespace {

constexpr std::string_view examples = R"(Examples:
  joinery up &                                          broker, private Redis, and a worker with a process per core
  joinery submit exec -- sh -c 'echo hi'                prints the job's id, once the job is on disk
  joinery result 1                                      waits for job 1 and prints: hi
  find . -name '*.log' | joinery map exec -- gzip {}    a job per line, with a progress bar
  joinery join --queue default                          waits until nothing is unfinished

Options may also stand after the command. Each is also a variable (--keep-result is JOINERY_KEEP_RESULT) and a key of
producer.toml; flag beats variable beats file. `joinery COMMAND --help` tells more.
Exit codes: 0 done, 1 refused, 2 not every job succeeded, 3 --timeout ran out, 64 wrong command line, 69 no broker.)";

void add_settings(config::Options& options, Settings& settings) {
  options.add("endpoint", settings.endpoint, "where the broker listens");
  options.check("endpoint", transport::check_remote);
  options.add("timeout", settings.timeout, "how long to wait for the broker to answer");
  options.add("retry", settings.retry, "keep trying while no broker answers");
  options.add("json", settings.json, "print JSON, one document per line; errors too");
  options.add("queue", settings.queue, "queue of submit, map and join");
  options.add("keep_result", settings.keep_result,
              "how long results of submit and map are kept; 0: not at all");
}

// The commands as subcommands of CLI11, and what each of them runs.
class Parser {
 public:
  explicit Parser(CLI::App& app) {
    app.require_subcommand(0, 1);  // none is enough for --print-config
    for (const Command& command : commands()) add(app, command);
  }

  struct Entry {
    CLI::App* app;
    Run run;
    bool has_option(std::string_view name) const {
      return app->get_option_no_throw("--" + std::string(name)) != nullptr ||
             app->get_option_no_throw(std::string(name)) != nullptr;
    }
  };

  // After a successful parse. A noun alone is its `ls`.
  const Entry* selected() const {
    const Entry* noun_ls = nullptr;
    for (const Entry& entry : entries_) {
      if (entry.app->parsed()) return &entry;
      const bool is_ls = entry.app->get_name() == "ls" && entry.app->get_parent()->parsed();
      if (is_ls && entry.app->get_parent()->get_subcommands().empty()) noun_ls = &entry;
    }
    return noun_ls;
  }

 private:
  void add(CLI::App& app, const Command& command) {
    const std::string_view name = command.name;
    const std::size_t space = name.find(' ');
    CLI::App& parent = space == name.npos ? app : noun(app, std::string(name.substr(0, space)));
    CLI::App* sub = parent.add_subcommand(std::string(name.substr(space + 1)), command.summary);
    sub->fallthrough();
    if (&parent == &app) sub->group(command.group);
    sub->footer("");  // else CLI11 gives it that of the program
    Arguments arguments(*sub);
    if (*command.examples != '\0') arguments.examples(command.examples);
    entries_.push_back({sub, command.define(arguments)});
  }

  static CLI::App& noun(CLI::App& app, const std::string& name) {
    for (CLI::App* there : app.get_subcommands([&name](CLI::App* sub) { return sub->get_name() == name; }))
      return *there;
    const auto found = std::ranges::find(nouns(), name, &Noun::name);
    CLI::App* sub = app.add_subcommand(name, found->summary);
    sub->footer("");
    const bool has_ls = std::ranges::any_of(
        commands(), [&name](const Command& command) { return command.name == name + " ls"; });
    sub->group(found->group)->fallthrough()->require_subcommand(has_ls ? 0 : 1, 1);
    return *sub;
  }

  std::vector<Entry> entries_;
};

// What follows "--" belongs to the job, not to us; ":::" stays, as it says what follows.
std::vector<std::string> take_tail(std::vector<const char*>& arguments) {
  const auto mark = std::ranges::find_if(arguments, [](const char* text) {
    return std::strcmp(text, "--") == 0 || std::strcmp(text, ":::") == 0;
  });
  if (mark == arguments.end()) return {};
  std::vector<std::string> tail(std::strcmp(*mark, "--") == 0 ? mark + 1 : mark, arguments.end());
  arguments.erase(mark, arguments.end());
  return tail;
}

// "--key=" and nothing: the parser would take the next word for its value.
std::optional<Error> value_left_out(const std::vector<const char*>& arguments) {
  for (const std::string_view text : arguments) {
    if (!text.starts_with("--") || text.find('=') + 1 != text.size()) continue;
    return Error{Code::invalid_argument, fmt::format("{} has no value behind it", text),
                 std::string(text.substr(2, text.size() - 3))};
  }
  return std::nullopt;
}

ExitCode exit_code(Code code) {
  switch (code) {
    case Code::timed_out: return ExitCode::timed_out;
    case Code::closed: return static_cast<ExitCode>(128 + SIGINT);  // we were interrupted
    case Code::broker_unreachable: return ExitCode::unreachable;
    case Code::internal: return ExitCode::internal;
    case Code::invalid_config:
    case Code::invalid_argument: return ExitCode::usage;  // whoever checked it, the broker or we
    default: return ExitCode::failure;
  }
}

ExitCode run_command(const Run& run, Context& context) {
  try {
    const ExitCode code = run(context);
    context.out.flush();
    return code;
  } catch (const UsageError& error) {
    context.out.error(error.error());
    return ExitCode::usage;
  } catch (const ClientError& error) {
    context.out.flush();
    context.out.error(error.error());
    return exit_code(error.code());
  } catch (const std::exception& error) {
    context.out.error({Code::internal, error.what(), {}});
    return ExitCode::internal;
  }
}

// Mistakes are told before all settings are read, so that --json is looked for by itself.
bool asks_for_json(const std::vector<const char*>& arguments) {
  const char* variable = std::getenv("JOINERY_JSON");
  return std::ranges::any_of(arguments, [](std::string_view word) { return word == "--json"; }) ||
         (variable != nullptr && std::string_view(variable) == "true");
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  fill_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // Output notices a closed pipe; one of Redis must not end us
  std::vector<const char*> arguments(argv, argv + argc);
  if (arguments.size() == 1) arguments.push_back("--help");
  std::vector<std::string> tail = take_tail(arguments);

  Settings settings;
  config::Options options("joinery",
                          "Submits jobs, waits for them, and looks after the broker that keeps them.",
                          "producer.toml");
  add_settings(options, settings);
  options.examples(std::string(examples));
  options.on_mistake([&](Error error) {
    if (error.field.empty()) error.field = field_of(error.message);
    Output out(settings.json || asks_for_json(arguments));
    out.json() ? out.error(error) : out.note(error.message);
  });
  if (const auto error = value_left_out(arguments)) {
    Output(asks_for_json(arguments)).error(*error);
    return static_cast<int>(ExitCode::usage);
  }
  const Parser parser(options.app());
  if (const auto done = options.parse(static_cast<int>(arguments.size()), arguments.data())) return *done;
  Context context(settings, std::move(tail));
  if (const Parser::Entry* selected = parser.selected()) {
    context.out.has_options([selected](std::string_view name) { return selected->has_option(name); });
    return static_cast<int>(run_command(selected->run, context));
  }
  context.out.error({Code::invalid_argument, "a command is missing (see joinery --help)", {}});
  return static_cast<int>(ExitCode::usage);
}

}  // namespace joinery::cli
