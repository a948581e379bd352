// Tables of options: flag, environment, file and default, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "shared/base/exit_code.h"
#include "shared/config/config.h"

namespace joinery::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

constexpr int config_mistake = static_cast<int>(ExitCode::config);
constexpr int usage_mistake = static_cast<int>(ExitCode::usage);

// A program with one option of each kind, run with a file, an environment and flags.
class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    std::string pattern = testing::TempDir() + "joinery-config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    options_.add("endpoint", endpoint_, "where to listen");
    options_.add("journal.segment_size", segment_, "size of a segment");
    options_.add("journal.interval", interval_, "time between syncs");
    options_.add("processes", processes_, "pool processes", 1, 64);
    options_.add("queues", queues_, "queues to serve");
    options_.add("verbose", verbose_, "say more");
    options_.add("mode", mode_, "order", {"fifo", "lifo"});
    options_.tables(
        "queue", {"mode", "maxsize", "env.*"}, [this](const std::string& name, const auto& entries) {
          tables_.emplace_back(name, entries);
          return name == "bad" ? Result<>(fail(Code::invalid_config, "bad is no name")) : Result<>();
        });
  }
  ~OptionsTest() override {
    std::filesystem::remove_all(folder_);
    for (const std::string& name : variables_) unsetenv(name.c_str());
  }

  std::string file(const std::string& text) {
    const std::string path = folder_ + "/program.toml";
    std::ofstream(path) << text;
    return path;
  }
  void variable(const std::string& name, const std::string& value) {
    variables_.push_back(name);
    setenv(name.c_str(), value.c_str(), 1);
  }
  std::optional<int> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "program");
    CaptureStderr();
    CaptureStdout();
    const auto done = options_.parse(static_cast<int>(arguments.size()), arguments.data());
    out_ = GetCapturedStdout();
    err_ = GetCapturedStderr();
    return done;
  }
  std::optional<int> parse_file(const std::string& text) {
    const std::string path = file(text);
    return parse({"--config", path.c_str()});
  }

  std::string folder_, out_, err_;
  std::vector<std::string> variables_;
  std::string endpoint_ = "tcp://127.0.0.1:7733", mode_ = "fifo";
  Bytes segment_{64U << 20U};
  Milliseconds interval_{std::chrono::milliseconds(50)};
  std::uint32_t processes_ = 2;
  std::vector<std::string> queues_{"default"};
  bool verbose_ = false;
  std::vector<std::pair<std::string, Options::Table>> tables_;
  Options options_{"program", "A program", "program.toml"};
};

TEST_F(OptionsTest, WithoutAnythingHasItsDefaults) {
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(endpoint_, "tcp://127.0.0.1:7733");
  EXPECT_THAT(queues_, ElementsAre("default"));
}

TEST_F(OptionsTest, AFlagBeatsAVariableBeatsTheFileBeatsTheDefault) {
  const std::string path = file("endpoint = 'file'\nprocesses = 3\n[journal]\nsegment_size = '1MiB'\n");
  variable("JOINERY_ENDPOINT", "variable");
  variable("JOINERY_PROCESSES", "4");
  EXPECT_EQ(parse({"--config", path.c_str(), "--endpoint", "flag"}), std::nullopt) << err_;
  EXPECT_EQ(endpoint_, "flag");
  EXPECT_EQ(processes_, 4U);
  EXPECT_EQ(segment_.value, 1U << 20U);
  EXPECT_EQ(interval_.value.count(), 50);
}

TEST_F(OptionsTest, ShowsEachValueAndWhereItCameFromAsAFileThatWouldSetIt) {
  const std::string path = file("processes = 3\n[queue.'a b']\nmode = 'lifo'\n");
  variable("JOINERY_QUEUES", "mail,web");
  EXPECT_EQ(parse({"--config", path.c_str(), "--verbose", "--journal-interval=2s", "--print-config"}), 0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("processes = 3"));
  EXPECT_THAT(out_, HasSubstr("# " + path + ":1\n"));
  EXPECT_THAT(out_, HasSubstr("# JOINERY_QUEUES\n"));
  EXPECT_THAT(out_, HasSubstr("# --journal-interval\n"));
  EXPECT_THAT(out_, HasSubstr("# default\n"));

  const std::string again = file(out_);
  tables_.clear();
  std::string endpoint;
  Options other("program", "", "program.toml");
  std::uint32_t processes = 0;
  std::vector<std::string> queues;
  bool verbose = false;
  std::string mode;
  Bytes segment;
  Milliseconds interval;
  other.add("endpoint", endpoint, "");
  other.add("journal.segment_size", segment, "");
  other.add("journal.interval", interval, "");
  other.add("processes", processes, "");
  other.add("queues", queues, "");
  other.add("verbose", verbose, "");
  other.add("mode", mode, "");
  other.tables("queue", {"mode"}, [this](const std::string& name, const auto& entries) {
    tables_.emplace_back(name, entries);
    return Result<>();
  });
  const char* arguments[] = {"program", "--config", again.c_str()};
  EXPECT_EQ(other.parse(3, arguments), std::nullopt);
  EXPECT_EQ(endpoint, endpoint_);
  EXPECT_EQ(interval.value.count(), 2000);
  EXPECT_EQ(segment.value, segment_.value);
  EXPECT_TRUE(verbose);
  EXPECT_THAT(queues, ElementsAre("mail", "web"));
  ASSERT_EQ(tables_.size(), 1U);
  EXPECT_EQ(tables_[0].first, "a b");
}

TEST_F(OptionsTest, AMisspeltKeyIsNamedWithFileLineAndTheNearestKnownOne) {
  EXPECT_EQ(parse_file("processes = 1\n\n[journal]\nsegmnt_size = '1MiB'\n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml:4: \"journal.segmnt_size\" is not known"));
  EXPECT_THAT(err_, HasSubstr("did you mean journal.segment_size?"));
}

TEST_F(OptionsTest, AMisspeltFlagIsNamedWithTheNearestKnownOne) {
  EXPECT_EQ(parse({"--endpiont=x"}), usage_mistake);
  EXPECT_THAT(err_, HasSubstr("\"--endpiont\" is not known here; did you mean --endpoint?"));
}

TEST_F(OptionsTest, AMisspeltVariableIsNamedInAWarningAndAStrangeOneIsLeftAlone) {
  variable("JOINERY_PROCESES", "3");
  variable("JOINERY_COMPLETELY_ELSE", "3");
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_THAT(err_, HasSubstr("JOINERY_PROCESES is not known; did you mean JOINERY_PROCESSES?"));
  EXPECT_THAT(err_, testing::Not(HasSubstr("ELSE")));
}

TEST_F(OptionsTest, AWrongValueIsNamedWithItsPlaceAndWhatWasExpected) {
  EXPECT_EQ(parse_file("\nprocesses = 65\n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml:2: processes: \"65\" is not a whole number from 1 to 64"));
}

TEST_F(OptionsTest, AWrongValueOfAFlagNamesTheFlag) {
  EXPECT_EQ(parse({"--mode", "fif"}), usage_mistake);
  EXPECT_THAT(err_, HasSubstr("--mode: \"fif\" is not one of fifo|lifo; did you mean fifo?"));
}

TEST_F(OptionsTest, AWrongValueOfAVariableNamesTheVariable) {
  variable("JOINERY_JOURNAL_INTERVAL", "5");
  EXPECT_EQ(parse({}), config_mistake);
  EXPECT_THAT(err_, HasSubstr("JOINERY_JOURNAL_INTERVAL: \"5\" is not a duration"));
}

TEST_F(OptionsTest, AFileThatIsNoTomlIsNamedWithItsLine) {
  EXPECT_EQ(parse_file("processes = 1\nendpoint = \n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml:2: "));
}

// toml++ only asserts this: a fuzzer found it.
TEST_F(OptionsTest, AKeyWithAPartWithoutANameIsAMistakeOfTheFileAndNoEndOfTheProgram) {
  EXPECT_EQ(parse_file("[.x]\nendpoint = 1\n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml: this is not TOML"));
}

TEST_F(OptionsTest, AFileThatWasNamedMustBeThere) {
  EXPECT_EQ(parse({"--config", "/nowhere/program.toml"}), config_mistake);
  EXPECT_THAT(err_, HasSubstr("/nowhere/program.toml: cannot be read: No such file"));
}

TEST_F(OptionsTest, TheFileIsFoundInTheConfigurationFolder) {
  file("processes = 9\n");
  variable("JOINERY_CONFIG_DIR", folder_);
  EXPECT_EQ(parse({}), std::nullopt) << err_;
  EXPECT_EQ(processes_, 9U);
}

TEST_F(OptionsTest, TablesWithFreeNamesAreHandedOverInTheOrderOfTheFile) {
  EXPECT_EQ(parse_file("[queue.web]\nmaxsize = 10\n[queue.'mail.out']\n[queue.web.env]\nHOME = '/'\n"),
            std::nullopt)
      << err_;
  ASSERT_EQ(tables_.size(), 2U);
  EXPECT_EQ(tables_[0].first, "web");
  EXPECT_EQ(tables_[0].second, (Options::Table{{"maxsize", {"10"}}, {"env.HOME", {"/"}}}));
  EXPECT_EQ(tables_[1].first, "mail.out");
}

TEST_F(OptionsTest, AMisspeltKeyInATableIsNamedWithTheNearestKnownOne) {
  EXPECT_EQ(parse_file("[queue.web]\nmaxsiz = 10\n"), config_mistake);
  EXPECT_THAT(err_,
              HasSubstr("program.toml:2: \"maxsiz\" is not known in [queue.web]; did you mean maxsize?"));
}

TEST_F(OptionsTest, ATableThatIsRefusedIsNamedWithItsPlace) {
  EXPECT_EQ(parse_file("\n[queue.bad]\n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml:2: [queue.bad]: bad is no name"));
}

TEST_F(OptionsTest, ListsTakeCommasRepetitionsAndArrays) {
  EXPECT_EQ(parse({"--queues", "a,b", "--queues=c"}), std::nullopt) << err_;
  EXPECT_THAT(queues_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(parse_file("queues = ['x', 'y,z']\n"), std::nullopt) << err_;
  EXPECT_THAT(queues_, ElementsAre("x", "y,z"));
}

TEST(LogLevels, WarningIsTakenAsWarn) {
  std::string level = "info";
  Options options("program", "does things", "none.toml");
  options.add("log.level", level, "what is logged", log_levels);
  const std::array<const char*, 3> words{"program", "--log-level", "warning"};
  EXPECT_FALSE(options.parse(3, words.data()).has_value());
  EXPECT_EQ(level, "warn");
}

TEST_F(OptionsTest, ASwitchCanBeTurnedOffAgain) {
  const std::string path = file("verbose = true\n");
  EXPECT_EQ(parse({"--config", path.c_str(), "--no-verbose"}), std::nullopt) << err_;
  EXPECT_FALSE(verbose_);
}

TEST_F(OptionsTest, ReloadHandsTheTablesOverAgainAndRefusesMistakes) {
  EXPECT_EQ(parse_file("[queue.web]\nmaxsize = 10\n"), std::nullopt);
  tables_.clear();
  file("[queue.web]\nmaxsize = 20\n");
  EXPECT_TRUE(options_.reload());
  ASSERT_EQ(tables_.size(), 1U);
  EXPECT_EQ(tables_[0].second, (Options::Table{{"maxsize", {"20"}}}));
  file("procesess = 1\n");
  EXPECT_FALSE(options_.reload());
}

TEST_F(OptionsTest, ReloadChangesWhatMayBeReloadedAndLeavesTheRest) {
  options_.reloadable("mode");
  EXPECT_EQ(parse_file("mode = 'lifo'\nprocesses = 3\n"), std::nullopt);
  file("mode = 'fifo'\nprocesses = 4\n");
  EXPECT_TRUE(options_.reload());
  EXPECT_EQ(mode_, "fifo");
  EXPECT_EQ(processes_, 3U);
  file("mode = 'lifo'\nprocesess = 1\n");
  EXPECT_FALSE(options_.reload());
  EXPECT_EQ(mode_, "fifo") << "a mistake changes nothing";
  file("mode = 'lifo'\n");
  EXPECT_TRUE(options_.reload());
  file("");
  EXPECT_TRUE(options_.reload());
  EXPECT_EQ(mode_, "fifo") << "the default again";
}

TEST_F(OptionsTest, ReloadLeavesWhatAFlagSays) {
  options_.reloadable("mode");
  const std::string path = file("mode = 'fifo'\n");
  EXPECT_EQ(parse({"--config", path.c_str(), "--mode", "lifo"}), std::nullopt);
  EXPECT_TRUE(options_.reload());
  EXPECT_EQ(mode_, "lifo");
}

TEST_F(OptionsTest, ASecretIsShownInDisguise) {
  options_.show_as("endpoint", [](const std::string& value) { return value.substr(0, 3) + "***"; });
  EXPECT_EQ(parse({"--endpoint", "tcp://secret", "--print-config"}), 0);
  EXPECT_THAT(out_, HasSubstr("endpoint = \"tcp***\""));
}

TEST_F(OptionsTest, ACheckedValueThatIsRefusedIsNamedWithItsPlace) {
  options_.check("endpoint", [](const std::string& value) -> Result<> {
    return value == "good" ? Result<>() : fail(Code::invalid_argument, "\"" + value + "\" is no endpoint");
  });
  options_.check("queues", [](const std::vector<std::string>& values) -> Result<> {
    return values.empty() ? fail(Code::invalid_config, "none is named") : Result<>();
  });
  EXPECT_EQ(parse({"--endpoint", "good"}), std::nullopt) << err_;
  EXPECT_EQ(parse({"--queues", ""}), usage_mistake);
  EXPECT_THAT(err_, HasSubstr("--queues: none is named"));
  EXPECT_EQ(parse_file("\nendpoint = 5\n"), config_mistake);
  EXPECT_THAT(err_, HasSubstr("program.toml:2: endpoint: \"5\" is no endpoint"));
}

TEST_F(OptionsTest, HelpShowsDefaults) {
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("64MiB"));
  EXPECT_THAT(out_, HasSubstr("--journal-segment-size"));
}

}  // namespace
}  // namespace joinery::config
