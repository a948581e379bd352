// `joinery explain`: each reason why a job does not run, made to happen with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using Json = nlohmann::json;

class Explain : public StackTest {
 protected:
  std::string submit(std::vector<std::string> flags, const std::string& script = "true") {
    std::vector<std::string> all{"submit"};
    all.insert(all.end(), flags.begin(), flags.end());
    for (const std::string& word :
         {std::string("exec"), std::string("--"), std::string("sh"), std::string("-c"), script})
      all.push_back(word);
    return say(std::move(all));
  }
  // Submits one that runs until let_go().
  std::string occupy(std::vector<std::string> flags = {}) {
    const std::string job = submit(std::move(flags), "read x < " + fifo());
    EXPECT_TRUE(eventually([&] { return why(job)["why"] == "running"; }));
    return job;
  }
  // Without its "17: ".
  std::string explain(const std::string& job) {
    const std::string line = say({"explain", job});
    EXPECT_TRUE(line.starts_with(job + ": ")) << line;
    return line.substr(line.find(": ") + 2);
  }
  Json why(const std::string& job) { return Json::parse(say({"--json", "explain", job})); }
  void worker(const std::string& processes = "1", const std::string& credit = "2") {
    stack.start_worker({"--allow-exec", "--processes", processes, "--prefetch", credit});
  }
  std::string fifo() {
    const std::string path = stack.dir() / "fifo";
    if (!made_) {
      EXPECT_EQ(run({"mkfifo", path}).status, 0);
    }
    made_ = true;
    return path;
  }

 private:
  bool made_ = false;
};

TEST_F(Explain, NoWorkerServesItsQueue) {
  const std::string job = submit({"--queue", "mail"});
  EXPECT_EQ(explain(job), "no connected worker serves queue 'mail'");
  EXPECT_EQ(why(job)["why"], "no_worker");
}

TEST_F(Explain, NoConnectedWorkerHasItsHandler) {
  worker();
  const std::string job = say({"submit", "resize", "cat.jpg"});
  EXPECT_TRUE(eventually([&] { return why(job)["why"] == "no_handler"; }));
  EXPECT_EQ(explain(job), "no connected worker has handler 'resize' (1 serve queue 'default')");
  EXPECT_EQ(why(job)["details"]["handler"], "resize");
}

TEST_F(Explain, ItsQueueIsPausedByWhomSinceWhenAndWhy) {
  worker();
  say({"queue", "configure", "default", "--mode", "fifo"});
  say({"queue", "pause", "default", "--reason", "disk is full"});
  const std::string job = submit({});
  EXPECT_THAT(explain(job), MatchesRegex("queue 'default' was paused by .+ at .+: disk is full"));
  EXPECT_NE(why(job)["details"]["by"], "");
  EXPECT_GT(why(job)["details"]["since_ms"], 1'700'000'000'000);
}

TEST_F(Explain, ItIsScheduled) {
  const std::string job = submit({"--run-at", "2100-01-01T08:00Z"});
  EXPECT_THAT(explain(job), HasSubstr("scheduled for 2100-01-01"));
  EXPECT_EQ(why(job)["details"]["due_ms"], 4'102'473'600'000);
}

TEST_F(Explain, ItWaitsForItsNextAttempt) {
  worker();
  const std::string job = submit({"--backoff", "fixed:1h"}, "false");
  EXPECT_TRUE(eventually([&] { return why(job)["why"] == "backoff"; }));
  EXPECT_THAT(explain(job), HasSubstr("for its next attempt; attempt 1 failed"));
}

TEST_F(Explain, ItsKeyHasNoPlaceFree) {
  say({"limit", "set", "host:*", "--concurrency", "1"});
  worker("2", "8");
  occupy({"--key", "tenant:a/host:x"});
  const std::string job = submit({"--key", "tenant:b/host:x"});
  EXPECT_EQ(explain(job), "waits for key 'host:x' (1 of 1 running)");
  const Json details = why(job)["details"];
  EXPECT_EQ(details["key"], "host:x");
  EXPECT_EQ(details["running"], 1);
  EXPECT_EQ(details["most"], 1);
}

TEST_F(Explain, ItsKeyMayStartAgainAtATime) {
  say({"limit", "set", "api", "--rate", "1/h"});
  worker();
  EXPECT_EQ(stack.joinery({"result", submit({"--key", "api"})}).status, 0);
  const std::string job = submit({"--key", "api"});
  EXPECT_THAT(explain(job), MatchesRegex("waits for key 'api' \\(next slot in 3[0-9]*.[0-9] s\\)"));
  EXPECT_GT(why(job)["details"]["free_in_ms"], 3'500'000);
}

TEST_F(Explain, AnEarlierJobOfItsOrderedKeyIsNotThrough) {
  worker("2", "8");
  occupy({"--key", "k", "--ordered"});
  const std::string job = submit({"--key", "k", "--ordered"});
  EXPECT_EQ(why(job)["why"], "order");
  EXPECT_THAT(explain(job), HasSubstr("an earlier job of key 'k' is not through"));
}

TEST_F(Explain, ItComesAfterJobsAndBatchesThatAreNotFinished) {
  const std::string first = submit({"--delay", "1h"});
  const std::string job = submit({"--after", first});
  EXPECT_EQ(explain(job), "blocked by job " + first);
  EXPECT_EQ(why(job)["why"], "blocked");
  EXPECT_EQ(why(job)["details"]["jobs"], Json::array({std::stoi(first)}));
}

TEST_F(Explain, ItIsBehindOthersOfItsQueueAndTheWorkersHaveNoCredit) {
  say({"submit", "nobody-has-this", "x"});  // is before them, and holds up none of them
  worker("1", "1");                         // it holds one that runs, and one ahead
  occupy();
  submit({});
  const std::string next = submit({});
  EXPECT_THAT(explain(next), HasSubstr("is next in queue 'default', but its worker has no credit (2 of 2"));
  EXPECT_EQ(why(next)["why"], "no_credit");
  for (int i = 0; i < 3; ++i) submit({});
  const std::string last = submit({});
  EXPECT_THAT(explain(last), HasSubstr("behind 4 jobs of queue 'default'"));
  EXPECT_EQ(why(last)["details"]["ahead"], 4);
  EXPECT_THAT(say({"job", "show", last}), HasSubstr("behind 4 jobs"));
}

TEST_F(Explain, ItComesAfterABatch) {
  const std::string batch = say({"batch", "open", "--hold"});
  const std::string job = submit({"--after-batch", batch});
  EXPECT_EQ(explain(job), "blocked by batch " + batch);
  EXPECT_EQ(why(job)["details"]["batches"], Json::array({std::stoi(batch)}));
}

TEST_F(Explain, ItIsNotAcceptedYetSinceItsQueueIsFull) {
  say({"queue", "configure", "small", "--maxsize", "1"});
  submit({"--queue", "small"});
  Process parked({program("joinery"), "--endpoint", stack.endpoint(), "submit", "--queue", "small", "exec",
                  "--", "true"});
  EXPECT_TRUE(eventually([&] { return stack.joinery({"explain", "2"}).status == 0; }));
  EXPECT_EQ(explain("2"), "not accepted yet: queue 'small' is full (1 jobs)");
  EXPECT_EQ(why("2")["why"], "parked");
}

TEST_F(Explain, TheOthersOfItsFairQueueTakeTurnsWithIt) {
  say({"queue", "configure", "default", "--fair", "yes"});
  worker("1", "1");
  occupy({"--key", "tenant:many"});
  for (int i = 0; i < 5; ++i) submit({"--key", "tenant:many"});
  submit({"--key", "tenant:one"});
  const std::string job = submit({"--key", "tenant:one"});
  EXPECT_THAT(explain(job), HasSubstr("behind 1 job of queue 'default'"))
      << "its own tenant's, not those of the others";
  EXPECT_EQ(why(job)["why"], "turn");
}

TEST_F(Explain, ItHasEndedWhenAndByWhat) {
  worker();
  const std::string done = submit({});
  EXPECT_EQ(stack.joinery({"result", done}).status, 0);
  EXPECT_THAT(explain(done), MatchesRegex("it has succeeded at 2.*Z"));
  const std::string failed = submit({"--attempts", "1"}, "echo no paper >&2; exit 3");
  EXPECT_EQ(stack.joinery({"result", failed}).status, 2);
  EXPECT_THAT(explain(failed), MatchesRegex("it failed for good at 2.*Z: exit status: 3: no paper; it runs "
                                            "again only with `dead retry`"));
  EXPECT_EQ(why(failed)["why"], "dead");
  const std::string late = submit({"--queue", "shelf", "--expires-in", "1s"});
  EXPECT_TRUE(eventually([&] { return why(late)["why"] == "finished"; }));
  EXPECT_THAT(explain(late), HasSubstr("it expired before it was started at 2"));
  const std::string waits = submit({"--delay", "1h"});
  const std::string after = submit({"--after", waits});
  say({"cancel", waits});
  EXPECT_THAT(explain(waits), MatchesRegex("it was cancelled at 2.*Z: by .+@.+"));
  EXPECT_THAT(explain(after), HasSubstr("job " + waits + ", which comes first, did not succeed"));
  const Json details = why(waits)["details"];
  EXPECT_EQ(details["outcome"], "cancelled");
  EXPECT_GT(details["ended_at_ms"], 1'700'000'000'000);
  const std::string runs = occupy();
  say({"cancel", runs, "--grace", "0s"});
  EXPECT_TRUE(eventually([&] { return why(runs)["why"] == "finished"; }));
  EXPECT_THAT(explain(runs), MatchesRegex("it was cancelled at 2.*Z: by .+@.+"));
  const std::string batch = say({"batch", "open"});
  const std::string member = submit({"--batch", batch, "--delay", "1h"});
  say({"batch", "cancel", batch});
  EXPECT_THAT(explain(member), HasSubstr("it was cancelled with its batch"));
}

TEST_F(Explain, ItRunsOrIsUnknown) {
  worker();
  EXPECT_EQ(why(occupy())["why"], "running");
  EXPECT_THAT(stack.joinery({"explain", "999"}).err, HasSubstr("unknown_job"));
}

}  // namespace
}  // namespace joinery::testing
