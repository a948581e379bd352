// Writes the valid inputs of each target into a directory of its own: where libFuzzer begins.
//   write_corpus DIRECTORY
#include <filesystem>
#include <fstream>
#include <string>

#include "targets.h"

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  for (const joinery::fuzz::Target& target : joinery::fuzz::targets) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / target.name;
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const auto& input : target.corpus())
      std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << input;
  }
  return 0;
}
