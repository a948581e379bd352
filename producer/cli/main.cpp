#include "producer/cli/program.h"

int main(int argc, char** argv) { return joinery::cli::run_program(argc, argv); }
