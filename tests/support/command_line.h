// The flags of a program that is run by hand or by a script: simulate, chaos, soak.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "shared/base/exit_code.h"

namespace joinery::testing {

// The exit code to end with, if there is nothing to run: help was asked for, or a flag is wrong.
inline std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
}

}  // namespace joinery::testing
