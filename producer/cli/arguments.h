// What a command takes from the command line. Keeps CLI11 to one file; every value is checked while it is
// read, so that a mistake names its flag.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/time.h"
#include "shared/job/job.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace joinery::cli {

using std::chrono::milliseconds;

class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  // Positionals, in the order given here. The last of a command may be a list.
  void positional(const std::string& name, std::string& value, const std::string& help);
  void optional_positional(const std::string& name, std::string& value, const std::string& help);
  void positionals(const std::string& name, std::vector<std::string>& values, const std::string& help);
  void jobs(std::vector<JobId>& values, bool required, const std::string& help = "ids of jobs");

  // `names`: "--queue", or "-q,--queue".
  void flag(const std::string& names, bool& value, const std::string& help);
  void option(const std::string& names, std::string& value, const std::string& help,
              const std::string& hint = "TEXT");
  void option(const std::string& names, std::optional<std::string>& value, const std::string& help,
              const std::string& hint = "TEXT");
  void option(const std::string& names, std::vector<std::string>& values, const std::string& help,
              const std::string& hint = "TEXT");
  void option(const std::string& names, std::optional<milliseconds>& value, const std::string& help);
  void option(const std::string& names, std::optional<Wall>& value, const std::string& help);
  void option(const std::string& names, std::uint64_t& value, const std::string& help,
              std::uint64_t least = 0, std::uint64_t most = UINT64_MAX);
  void option(const std::string& names, std::optional<std::uint64_t>& value, const std::string& help,
              std::uint64_t least = 0, std::uint64_t most = UINT64_MAX);
  void option(const std::string& names, std::int64_t& value, const std::string& help);

  // Shown at the end of the command's --help.
  void examples(const std::string& text);

 private:
  CLI::Option* add(const std::string& names, const std::string& help, bool is_list,
                   const std::function<void(const std::string&)>& set);
  void take(const std::string& names, const std::string& help, const std::string& hint,
            const std::string& shown, const std::function<void(const std::string&)>& set,
            bool repeats = false);

  CLI::App& app_;
};

}  // namespace joinery::cli
