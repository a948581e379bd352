// The files in config/ against what the programs know.
#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

// Name and value of each option as --print-config shows them, and its source.
struct Shown {
  std::vector<std::string> settings;
  std::vector<std::string> sources;
};

Shown print_config(const std::string& name, std::vector<std::string> flags) {
  std::vector<std::string> argv{program(name), "--print-config"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  const Finished done = run(argv);
  EXPECT_EQ(done.status, 0) << done.err;
  Shown shown;
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);) {
    const auto mark = line.rfind(" # ");
    if (mark == std::string::npos) continue;
    shown.settings.push_back(line.substr(0, mark));
    shown.sources.push_back(line.substr(mark + 3));
  }
  return shown;
}

// What only a supervisor, a health check or a person says, on the command line.
bool is_flag_only(const std::string& setting) {
  for (const char* name : {"ready-fd ", "health ", "check-journal ", "repair-journal "})
    if (setting.starts_with(name)) return true;
  return false;
}

class ShippedFile : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(ShippedFile, SaysEveryOptionOfItsProgramWithTheDefault) {
  const auto [name, file] = GetParam();
  const Shown usual = print_config(name, {});
  const Shown shipped = print_config(name, {"--config", std::string(JOINERY_SOURCE_DIR "/config/") + file});
  EXPECT_EQ(shipped.settings, usual.settings);
  for (std::size_t i = 0; i < shipped.settings.size(); ++i) {
    if (is_flag_only(shipped.settings[i])) continue;
    EXPECT_THAT(shipped.sources[i], HasSubstr(file)) << shipped.settings[i] << " is missing";
  }
}

INSTANTIATE_TEST_SUITE_P(Config, ShippedFile,
                         ::testing::Values(std::pair{"joinery-broker", "broker.toml"},
                                           std::pair{"joinery-worker", "worker.toml"},
                                           std::pair{"joinery", "producer.toml"}),
                         [](const auto& file) {
                           std::string name = file.param.second;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace joinery::testing
