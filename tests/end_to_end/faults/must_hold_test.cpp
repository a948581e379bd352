// What must hold whoever dies, stops or is cut off: docs/testing.md has the list. Real programs only.
#include <gmock/gmock.h>
#include <joinery/client.h>
#include <joinery/pack.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/exec_payload.h"
#include "tests/support/memory_group.h"
#include "tests/support/process_usage.h"
#include "tests/support/proxy.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

ClientOptions patient(const std::string& endpoint) {
  ClientOptions options;
  options.endpoint = endpoint;
  options.timeout = seconds(60);
  return options;
}

TEST(MustHold, a_worker_stopped_past_its_lease_finds_every_late_write_refused) {
  Stack stack({"--worker-lease", "1s", "--worker-heartbeat", "200ms"});
  Client client(patient(stack.endpoint()));
  const BatchId batch = client.open_batch("late");
  Process& late = stack.start_worker({"--processes", "1", "--queues", "default"}, LATE_SUBJECT);
  SubmitOptions options;
  options.batch = batch;
  options.spec.result_ttl_s = 600;
  options.watch = true;
  const JobId job = client.submit("late", pack(stack.dir().path()), options).get();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(stack.dir() / "began-1"); }));
  const std::vector<pid_t> stopped = family_of(late.pid());
  for (const pid_t process : stopped) ::kill(process, SIGSTOP);

  stack.start_worker({"--processes", "1", "--queues", "default"}, LATE_SUBJECT);
  const results::Stored result = client.result(job, seconds(60));
  EXPECT_EQ(unpack<std::string>(result.value), "attempt 2");
  EXPECT_EQ(slurp(stack.dir() / "lock-2"), "released");

  std::ofstream(stack.dir() / "GO") << "go";
  // The pool process goes on first, so that it has written everything when its supervisor hears that it is
  // late.
  for (auto process = stopped.rbegin(); *process != late.pid(); ++process) ::kill(*process, SIGCONT);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(stack.dir() / "lock-1"); }));
  EXPECT_EQ(slurp(stack.dir() / "lock-1"), "lost");
  late.signal(SIGCONT);
  // The late worker is well again when it has run something else.
  late.signal(SIGTERM);
  late.wait();
  EXPECT_EQ(unpack<std::string>(client.result(job, seconds(60)).value), "attempt 2");
  const json children = json::parse(stack.joinery({"--json", "queue", "show", "children"}).out);
  EXPECT_EQ(children["counts"]["ready"], 1) << children;
  const json counts = json::parse(stack.joinery({"--json", "batch", "show", std::to_string(batch)}).out);
  EXPECT_EQ(counts["counts"]["succeeded"], 1) << counts;
}

TEST(MustHold, a_job_that_always_crashes_its_process_costs_its_budget_and_no_other_job_and_has_a_dossier) {
  Stack stack;
  stack.start_worker({"--processes", "1"}, LATE_SUBJECT);
  Client client(patient(stack.endpoint()));
  SubmitOptions options;
  options.spec.crash_attempts = 3;
  const std::string trail = stack.dir() / "trail";
  const JobId bad = client.submit("crash", pack(trail), options).get();
  const JobId good = client.submit("grow", pack(0), options).get();
  const std::vector<JobOutcome> ended = client.wait({bad, good}, seconds(60));
  EXPECT_EQ(ended[0].outcome, Outcome::failed);
  EXPECT_EQ(ended[1].outcome, Outcome::succeeded);
  EXPECT_EQ(slurp(trail), "1\n2\n3\n");

  const std::string id = std::to_string(bad);
  const std::string shown = stack.joinery({"dead", "show", id}).out;
  EXPECT_THAT(shown, HasSubstr("killed by signal 11 (Segmentation fault)"));
  for (const char* what : {"signal", "core_dumped", "peak_memory_bytes", "out_of_memory", "stderr", "ran_ms",
                           "the last words", "25 % a quarter", "3 crashed"}) {
    EXPECT_THAT(shown, HasSubstr(what));
  }
  const json dead = json::parse(stack.joinery({"--json", "dead", "show", id}).out);
  EXPECT_EQ(dead["crashes"], 3) << dead;
  EXPECT_EQ(dead["attempt"], 3) << dead;
  EXPECT_GT(dead["failure"]["dossier"]["peak_memory_bytes"], 0) << dead;
  EXPECT_EQ(dead["failure"]["dossier"]["out_of_memory"], false) << dead;
}

TEST(MustHold, a_job_that_the_kernel_kills_for_lack_of_memory_says_so_and_how_much_it_had) {
  constexpr std::uint64_t given = 96U << 20U;
  const MemoryGroup group(given);
  if (!group.made()) GTEST_SKIP() << "no control group with little memory can be made: " << group.why_not();
  Stack stack;
  stack.start_worker({"--processes", "1"}, LATE_SUBJECT);
  Client client(patient(stack.endpoint()));
  SubmitOptions options;
  options.spec.crash_attempts = 1;
  const JobId hungry = client.submit("eat", pack(stack.dir().path()), options).get();
  const std::string eats = stack.dir() / "eats";
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(eats); }));
  ASSERT_TRUE(group.take(std::stoi(slurp(eats))));
  std::ofstream(stack.dir() / "GO") << "go";
  const JobId good = client.submit("grow", pack(0), options).get();
  const std::vector<JobOutcome> ended = client.wait({hungry, good}, seconds(60));
  EXPECT_EQ(ended[0].outcome, Outcome::failed);
  EXPECT_EQ(ended[1].outcome, Outcome::succeeded);

  const std::string id = std::to_string(hungry);
  EXPECT_THAT(stack.joinery({"dead", "show", id}).out,
              HasSubstr("killed by signal 9 (Killed), probably for lack of memory"));
  const json dossier = json::parse(stack.joinery({"--json", "dead", "show", id}).out)["failure"]["dossier"];
  EXPECT_EQ(dossier["signal"], SIGKILL) << dossier;
  EXPECT_EQ(dossier["out_of_memory"], true) << dossier;
  EXPECT_GT(dossier["peak_memory_bytes"], given / 2) << dossier;
}

TEST(MustHold, work_goes_on_after_each_of_a_hundred_cuts_without_a_restart) {
  Stack stack({"--worker-reconnect-grace", "100ms"});
  Proxy network(stack.dir() / "network", stack.endpoint().substr(6));
  Process worker(
      {program("joinery-worker"), "--endpoint", network.endpoint(), "--allow-exec", "--processes", "2"});
  Client client(patient(network.endpoint()));
  std::uint64_t jobs = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::future<JobId>> accepted;
    for (int i = 0; i < 3; ++i, ++jobs) accepted.push_back(client.submit("exec", exec_payload({"true"})));
    network.cut();
    network.heal();
    for (auto& job : accepted) job.get();
    const Counts counts = client.join_queue("default", seconds(60));
    ASSERT_EQ(counts.succeeded, jobs) << "after cut " << round;
    ASSERT_EQ(counts.finished(), jobs);
  }
  EXPECT_GE(network.connections(), 200U);
  EXPECT_TRUE(worker.running());
  EXPECT_TRUE(stack.broker().running());
}

TEST(MustHold, a_killed_supervisor_leaves_no_orphan_not_even_of_its_commands) {
  Stack stack;
  Process& worker = stack.start_worker();
  Client client(patient(stack.endpoint()));
  client.submit("exec", exec_payload({"sh", "-c", "sleep 600 & sleep 600"})).get();
  ASSERT_TRUE(eventually([&] { return family_of(worker.pid()).size() >= 5; }));
  std::vector<pid_t> family = family_of(worker.pid());
  worker.signal(SIGKILL);
  worker.wait();
  family.erase(family.begin());
  for (const pid_t process : family) {
    EXPECT_TRUE(eventually([process] { return gone(process); })) << process;
  }
}

TEST(MustHold, a_job_that_feeds_its_own_full_queue_never_deadlocks) {
  Stack stack;
  ASSERT_EQ(stack.joinery({"queue", "configure", "default", "--maxsize", "4"}).status, 0);
  stack.start_worker({"--processes", "2"}, LATE_SUBJECT);
  Client client(patient(stack.endpoint()));
  // Far more than fit: the puts block, and resume.
  std::vector<std::future<JobId>> puts;
  for (int i = 0; i < 20; ++i) puts.push_back(client.submit("grow", pack(4)));
  for (auto& put : puts) put.get();
  const Counts counts = client.join_queue("default", seconds(60));
  EXPECT_EQ(counts.succeeded, 20U * 31U);
  EXPECT_EQ(counts.finished(), counts.succeeded);
}

// It puts as fast as it can, and a put takes it less than a tenth of what the job takes its consumer.
TEST(MustHold, a_producer_ten_times_faster_than_its_consumers_costs_no_memory_anywhere) {
  constexpr std::uint64_t jobs = 4000, trees = 40, payload_kb = 64;
#ifdef __SANITIZE_THREAD__
  constexpr std::uint64_t allowed_kb = 192U << 10U;  // it keeps four bytes or more for each that is touched
#else
  constexpr std::uint64_t allowed_kb = 64U << 10U;
#endif
  Stack stack({"--redis-url", "none"});
  ASSERT_EQ(stack.joinery({"queue", "configure", "default", "--maxsize", "100"}).status, 0);
  Process& worker = stack.start_worker({"--processes", "2"}, LATE_SUBJECT);
  ClientOptions options = patient(stack.endpoint());
  options.window_jobs = 100;
  Client client(options);
  client.wait({client.submit("grow", pack(0)).get()}, seconds(60));
  std::vector<pid_t> processes{stack.broker().pid(), ::getpid()};
  for (const pid_t process : family_of(worker.pid())) processes.push_back(process);
  std::map<pid_t, std::uint64_t> before;
  for (const pid_t process : processes) before[process] = peak_memory_kb_of(process);

  std::atomic<std::uint64_t> accepted = 0;
  const Buffer payload(payload_kb << 10U, 'x');
  for (std::uint64_t job = 0; job < jobs; ++job) {
    client.submit("slow", payload, {}, [&](const Result<JobId>& id) { accepted += id ? 1 : 0; });
    if (job % (jobs / trees) == 0) client.submit("grow", pack(3), {}, {});  // feeds the full queue itself
  }
  client.flush();
  const Counts counts = client.join_queue("default", seconds(120));
  EXPECT_EQ(accepted, jobs);
  EXPECT_EQ(counts.succeeded, 1 + jobs + trees * 15);
  EXPECT_EQ(counts.finished(), counts.succeeded);
  for (const auto& [process, kb] : before) {
    const std::uint64_t peak = peak_memory_kb_of(process);
    EXPECT_GT(peak, 0U) << process << " has ended";
    EXPECT_LT(peak, kb + allowed_kb) << "of process " << process << ", while " << jobs * payload_kb
                                     << " KiB came";
  }
}

TEST(MustHold, a_cancelled_batch_stays_cancelled_across_a_crash) {
  const char* given = std::getenv("JOINERY_BATCH");
  const std::size_t jobs = given ? std::strtoull(given, nullptr, 10) : 100'000;
  Stack stack({"--redis-url", "none"});
  Client client(patient(stack.endpoint()));
  SubmitOptions options;
  options.batch = client.open_batch("many");
  const std::string batch = std::to_string(options.batch);
  const Buffer payload = exec_payload({"false"});
  for (std::size_t put = 0; put < jobs;) {
    const std::size_t count = std::min<std::size_t>(jobs - put, 50'000);
    client.submit_many("exec", std::vector<Bytes>(count, Bytes(payload)), options).get();
    put += count;
  }
  ASSERT_EQ(stack.joinery({"batch", "cancel", batch}).status, 0);
  stack.broker().signal(SIGKILL);  // most of the Finish changes that follow are not written yet
  stack.broker().wait();
  stack.start_broker();
  stack.start_worker();
  const Counts counts = client.join_batch(options.batch, seconds(120));
  EXPECT_EQ(counts.cancelled, jobs);
  EXPECT_EQ(counts.finished(), jobs);
}

}  // namespace
}  // namespace joinery::testing
