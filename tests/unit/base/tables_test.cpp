// The tables of errors and exit codes, and the documents that repeat them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>

#include "shared/base/error.h"
#include "shared/base/exit_code.h"

namespace joinery {
namespace {

struct Row {
  std::string name;
  int number;
  std::string meaning;
};

const std::vector<Row> errors{
#define X(name, number, retry, meaning) {#name, number, meaning},
    JOINERY_ERRORS(X)
#undef X
};
const std::vector<Row> exit_codes{
#define X(name, number, meaning) {#name, number, meaning},
    JOINERY_EXIT_CODES(X)
#undef X
};

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(JOINERY_DOCS "/" + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

template <typename Of>
auto values(const std::vector<Row>& rows, Of of) {
  std::multiset<std::decay_t<decltype(of(rows[0]))>> all;
  for (const Row& row : rows) all.insert(of(row));
  return all;
}

TEST(Tables, WordsNumbersAndMeaningsAreUnique) {
  for (const auto* rows : {&errors, &exit_codes}) {
    std::set<std::string> names;
    std::set<int> numbers;
    std::set<std::string> meanings;
    for (const Row& row : *rows) {
      EXPECT_TRUE(names.insert(row.name).second) << row.name;
      EXPECT_TRUE(numbers.insert(row.number).second) << row.number;
      EXPECT_TRUE(meanings.insert(row.meaning).second) << row.meaning;
    }
  }
}

TEST(Tables, NumbersOfErrorsGrow) {
  for (std::size_t i = 1; i < errors.size(); ++i)
    EXPECT_LT(errors[i - 1].number, errors[i].number) << errors[i].name;
}

TEST(Tables, AnErrorIsFoundByItsNumber) {
  for (const Row& row : errors) {
    const Code code = code_from_number(static_cast<std::uint64_t>(row.number));
    EXPECT_EQ(word(code), row.name);
    EXPECT_EQ(meaning(code), row.meaning);
  }
  EXPECT_EQ(code_from_number(99), Code::internal);
  EXPECT_EQ(code_from_number(1ULL << 40U), Code::internal);
  EXPECT_EQ(word(static_cast<Code>(99)), "unknown_code");
}

TEST(Tables, ProtocolMdListsTheErrorsInTheirOrder) {
  std::vector<std::string> expected;
#define X(name, number, retry, meaning) \
  expected.push_back(fmt::format("| {} | {} | {} | {} |", number, #name, (retry) ? "yes" : "no", meaning));
  JOINERY_ERRORS(X)
#undef X
  std::vector<std::string> found;
  bool in_table = false;
  for (const std::string& line : lines_of("protocol.md")) {
    if (line.starts_with("| code | word |")) in_table = true;
    if (line.empty()) in_table = false;
    if (in_table && line.starts_with("| ") && line.size() > 2 && std::isdigit(line[2])) found.push_back(line);
  }
  EXPECT_THAT(found, testing::ElementsAreArray(expected));
}

TEST(Tables, OperatingMdListsTheExitCodes) {
  const std::vector<std::string> lines = lines_of("operating.md");
  for (const Row& row : exit_codes) {
    EXPECT_THAT(lines, testing::Contains(testing::AllOf(testing::StartsWith(fmt::format("| {} ", row.number)),
                                                        testing::HasSubstr(row.meaning))))
        << row.name;
  }
}

}  // namespace
}  // namespace joinery
