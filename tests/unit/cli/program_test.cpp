// The command line as a whole, as far as no broker is needed.
#include "producer/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/cli/command.h"
#include "producer/cli/json.h"
#include "shared/base/exit_code.h"

namespace joinery::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

struct Said {
  int code = 0;
  std::string out, err;
};

Said joinery(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "joinery");
  CaptureStdout();
  CaptureStderr();
  Said said;
  said.code = run_program(static_cast<int>(arguments.size()), arguments.data());
  said.out = GetCapturedStdout();
  said.err = GetCapturedStderr();
  return said;
}

constexpr int usage = static_cast<int>(ExitCode::usage);
constexpr int unreachable = static_cast<int>(ExitCode::unreachable);

TEST(Program, AloneShowsItsHelpOnOneScreen) {
  const Said said = joinery({});
  EXPECT_EQ(said.code, 0);
  EXPECT_LE(std::ranges::count(said.out, '\n'), 50);
  EXPECT_LT(said.out.find("submit"), said.out.find("stats"));
  EXPECT_LT(said.out.find("submit"), said.out.find("--endpoint"));
  EXPECT_THAT(said.out, HasSubstr("tcp://127.0.0.1:7733"));
}

TEST(Program, HasHelpForEachCommandAndNoun) {
  for (const Command& command : commands()) {
    std::vector<std::string> words;
    const std::string name = command.name;
    const std::size_t space = name.find(' ');
    words.push_back(name.substr(0, space));
    if (space != name.npos) words.push_back(name.substr(space + 1));
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    arguments.push_back("--help");
    const Said said = joinery(arguments);
    EXPECT_EQ(said.code, 0) << name;
    EXPECT_THAT(said.out, HasSubstr(command.summary)) << name;
    EXPECT_THAT(said.out, HasSubstr("Examples:\n")) << name;
    EXPECT_THAT(said.out.substr(said.out.find("Examples:")), HasSubstr("joinery " + name)) << name;
    EXPECT_THAT(said.out, Not(HasSubstr("joinery up &"))) << name;
  }
}

TEST(Program, ShowsAListOfIdsAsOne) {
  EXPECT_THAT(joinery({"result", "--help"}).out, HasSubstr("joinery result [OPTIONS] JOB..."));
  EXPECT_THAT(joinery({"result", "-1"}).err, HasSubstr("\"-1\" is not the id of a job"));
}

TEST(Program, NamesTheNearestCommandAndFlag) {
  EXPECT_THAT(joinery({"sumbit"}).err, HasSubstr("did you mean submit?"));
  EXPECT_THAT(joinery({"queue", "pasue"}).err, HasSubstr("did you mean pause?"));
  const Said said = joinery({"submit", "exec", "--prioritty", "3"});
  EXPECT_EQ(said.code, usage);
  EXPECT_THAT(said.err, HasSubstr("did you mean --priority?"));
}

TEST(Program, TellsMistakesAsJsonIfAsked) {
  for (const auto& arguments : {std::vector{"--json", "submit", "--attempts", "0", "exec", "true"},
                                std::vector{"submit", "exec", "--json"}, std::vector{"--json", "sumbit"}}) {
    const Said said = joinery(arguments);
    EXPECT_EQ(said.code, usage) << said.err;
    EXPECT_EQ(parse_json(said.err).value()["error"]["code"], "invalid_argument");
  }
  const Said config = joinery({"--json", "--config", "/nonexistent/producer.toml", "status"});
  EXPECT_EQ(config.code, static_cast<int>(ExitCode::config));
  EXPECT_EQ(parse_json(config.err).value()["error"]["code"], "invalid_config");
}

TEST(Program, NamesTheCommandWhoseHelpToRead) {
  EXPECT_THAT(joinery({"submit", "--attempts", "0", "exec"}).err, HasSubstr("(see joinery submit --help)"));
  EXPECT_THAT(joinery({"queue", "show"}).err, HasSubstr("(see joinery queue show --help)"));
}

TEST(Program, MistakesThatNoOptionAloneCouldTellAreUsageToo) {
  EXPECT_EQ(joinery({"submit", "exec"}).code, usage);
  EXPECT_EQ(joinery({"submit", "exec", "--env", "FOO", "--", "true"}).code, usage);
  EXPECT_EQ(joinery({"submit", "echo", "--payload-file", "/dev/null", "word"}).code, usage);
  EXPECT_EQ(joinery({"submit", "-q", "", "echo"}).code, usage);
  EXPECT_EQ(joinery({"--endpoint", "foo", "status"}).code, usage);
  EXPECT_EQ(joinery({"dead", "retry"}).code, usage);
}

TEST(Program, TakesSeveralIds) {
  for (const auto& command :
       {std::vector{"result"}, std::vector{"join"}, std::vector{"cancel"}, std::vector{"job", "show"},
        std::vector{"job", "cancel"}, std::vector{"job", "retry"}, std::vector{"dead", "show"},
        std::vector{"dead", "retry"}, std::vector{"dead", "delete"}}) {
    std::vector<const char*> arguments{"--endpoint", "ipc:///nonexistent/socket", "--timeout", "1ms"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    arguments.insert(arguments.end(), {"7", "8", "9"});
    const Said said = joinery(arguments);
    EXPECT_EQ(said.code, unreachable) << command.back() << ": " << said.err;
  }
}

TEST(Program, AConfigurationThatIsADirectoryIsAMistakeLikeOneThatIsMissing) {
  const Said said = joinery({"--config", "/", "status"});
  EXPECT_EQ(said.code, static_cast<int>(ExitCode::config));
  EXPECT_THAT(said.err, HasSubstr("/: cannot be read: Is a directory"));
  EXPECT_THAT(joinery({"submit", "echo", "--payload-file", "/"}).err, HasSubstr("/: cannot be read"));
}

// What CLI11 knows as a list, "[7,8]", is one word for us.
TEST(Program, SplitsNoWordThatTheUserTyped) {
  EXPECT_THAT(joinery({"result", "[7,8]"}).err, HasSubstr("JOB: \"[7,8]\" is not the id of a job"));
  EXPECT_THAT(joinery({"submit", "exec", "--delay", "[1s,2s]", "true"}).err, HasSubstr("\"[1s,2s]\" is not"));
}

TEST(Program, NeedsACommand) {
  const Said said = joinery({"--queue", "mail"});
  EXPECT_EQ(said.code, usage);
  EXPECT_THAT(said.err, HasSubstr("a command is missing"));
}

TEST(Program, NamesTheFlagOfAWrongValue) {
  const Said said = joinery({"submit", "exec", "--delay", "soon", "--", "true"});
  EXPECT_EQ(said.code, usage);
  EXPECT_THAT(said.err, HasSubstr("--delay: \"soon\" is not a duration"));
  EXPECT_THAT(joinery({"result", "x"}).err, HasSubstr("JOB: \"x\" is not the id of a job"));
}

TEST(Program, NamesTheFlagOfATimeThatIsTooLong) {
  EXPECT_THAT(joinery({"submit", "exec", "--delay", "999999d", "true"}).err,
              HasSubstr("--delay: \"999999d\" is longer than a hundred years"));
}

TEST(Program, RefusesAnEndpointByTheNameOfItsPlace) {
  const Said flag = joinery({"--endpoint", "tcp://127.0.0.1:99999", "status"});
  EXPECT_EQ(flag.code, usage);
  EXPECT_THAT(flag.err, HasSubstr("--endpoint: \"tcp://127.0.0.1:99999\" is no endpoint: its port"));
  setenv("JOINERY_ENDPOINT", "5", 1);
  const Said variable = joinery({"status"});
  unsetenv("JOINERY_ENDPOINT");
  EXPECT_EQ(variable.code, static_cast<int>(ExitCode::config));
  EXPECT_THAT(variable.err, HasSubstr("JOINERY_ENDPOINT: \"5\" is no endpoint"));
}

TEST(Program, SaysWithinItsTimeoutThatNoBrokerIsThereAndWhatToTry) {
  const Said said = joinery({"--endpoint", "ipc:///nowhere/joinery.sock", "--timeout", "100ms", "status"});
  EXPECT_EQ(said.code, unreachable);
  EXPECT_THAT(said.err, HasSubstr("ipc:///nowhere/joinery.sock"));
  EXPECT_THAT(said.err, HasSubstr("joinery up"));
  EXPECT_THAT(said.err, HasSubstr("(broker_unreachable)"));
}

TEST(Program, TellsErrorsAsJsonIfAsked) {
  const Said said =
      joinery({"queue", "--json", "--endpoint", "ipc:///nowhere/joinery.sock", "--timeout", "100ms"});
  EXPECT_EQ(said.code, unreachable);
  EXPECT_THAT(said.err, HasSubstr(R"({"error":{"code":"broker_unreachable","number":305,)"));
}

TEST(Program, HasItsSettingsFromFlagsVariablesAndFile) {
  setenv("JOINERY_KEEP_RESULT", "2h", 1);
  const Said said = joinery({"--print-config", "--queue", "mail"});
  unsetenv("JOINERY_KEEP_RESULT");
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("keep_result = \"2h\""));
  EXPECT_THAT(said.out, HasSubstr("# JOINERY_KEEP_RESULT"));
  EXPECT_THAT(said.out, HasSubstr("queue = \"mail\""));
  EXPECT_EQ(joinery({"submit", "--print-config"}).out, joinery({"--print-config"}).out);
}

TEST(Program, ShowsItsSettingsAsJsonIfAsked) {
  const Said said = joinery({"--print-config", "--json", "--queue", "a \"b\"", "submit"});
  EXPECT_EQ(said.code, 0) << said.err;
  const Json shown = parse_json(said.out).value();
  EXPECT_EQ(shown["queue"], (Json{{"value", "a \"b\""}, {"source", "--queue"}}));
  EXPECT_EQ(shown["retry"]["value"], false);
}

}  // namespace
}  // namespace joinery::cli
