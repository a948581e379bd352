// What a command writes, as log lines.
#include "worker/handlers/line_tap.h"

#include <gmock/gmock.h>

#include "fake_context.h"

namespace joinery::handlers {
namespace {

class Said : public FakeContext {
 public:
  void log(std::string_view level, std::string_view text) override {
    lines.push_back(std::string(level) + " " + std::string(text));
  }
  std::vector<std::string> lines;
};

TEST(LineTap, TellsWholeLinesHoweverTheyCome) {
  Said job;
  LineTap tap(job, "stdout");
  tap.add(Mono{}, "a\nb");
  EXPECT_THAT(job.lines, testing::ElementsAre("stdout a"));
  tap.add(Mono{}, "c\n\nd");
  tap.end();
  EXPECT_THAT(job.lines, testing::ElementsAre("stdout a", "stdout bc", "stdout ", "stdout d"));
}

TEST(LineTap, LeavesOutWhatComesTooFastAndSaysSo) {
  Said job;
  LineTap tap(job, "stderr");
  const std::string line(1023, 'x');
  for (std::size_t i = 0; i < 70; ++i) tap.add(Mono{}, line + "\n");
  EXPECT_EQ(job.lines.size(), 64U);
  tap.add(Mono{} + std::chrono::seconds(2), "later\n");
  EXPECT_THAT(job.lines.at(64), testing::HasSubstr("6 lines left out"));
  EXPECT_EQ(job.lines.back(), "stderr later");
}

TEST(LineTap, CutsALineThatDoesNotEnd) {
  Said job;
  LineTap tap(job, "stdout");
  for (int i = 0; i < 100; ++i) tap.add(Mono{}, std::string(1000, 'x'));
  EXPECT_LE(job.lines.front().size(), LineTap::line_max + 8);
  EXPECT_LE(job.lines.size(), 25U);
}

}  // namespace
}  // namespace joinery::handlers
