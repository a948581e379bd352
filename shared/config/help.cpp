#include "shared/config/help.h"

namespace joinery::config {

std::string HelpFormat::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
  std::string out = make_description(app) + make_usage(app, name) + make_positionals(app);
  out += make_subcommands(app, mode) + make_groups(app, mode);
  const std::string footer = make_footer(app);
  return footer == "\n" ? out : out + "\n" + footer;
}

// "--retry{true},--no-retry{false}" is "--retry".
std::string HelpFormat::make_option_name(const CLI::Option* option, bool is_positional) const {
  const std::string name = is_positional ? option->get_name(true, false) : option->get_name(false, true);
  return name.substr(0, name.find('{'));
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  std::string out;
  if (!option->get_type_name().empty()) out += " " + option->get_type_name();
  if (!option->get_default_str().empty()) out += " [" + option->get_default_str() + "]";
  return out;
}

}  // namespace joinery::config
