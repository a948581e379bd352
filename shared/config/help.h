// How --help is laid out: commands before options, defaults in brackets, switches without their off form.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace joinery::config {

class HelpFormat : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
};

}  // namespace joinery::config
