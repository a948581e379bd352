// The program `joinery`: parses the command line, runs one command, tells its error, and knows the exit code.
#pragma once

namespace joinery::cli {

int run_program(int argc, const char* const* argv);

}  // namespace joinery::cli
