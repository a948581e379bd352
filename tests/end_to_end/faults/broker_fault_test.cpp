// kill -9 of the broker at one system call (tests/support/faults), and what its next life must find: no
// accepted job is lost, and none is invented.
#include <gmock/gmock.h>
#include <joinery/client.h>

#include <fstream>

#include "../broker_peer.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using protocol::Value;
using ::testing::SizeIs;

struct Fault {
  const char* call;
  const char* file;
  const char* when;
  int nth = 1;
};
// Not its bytes, which are addresses.
void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.when << ' ' << fault.call << ' ' << fault.file << ' ' << fault.nth;
}
std::string name_of(const ::testing::TestParamInfo<Fault>& info) {
  std::string name = std::string(info.param.when) + "_" + info.param.call + "_" + info.param.file + "_" +
                     std::to_string(info.param.nth);
  std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
  return name;
}

class BrokerFault : public ::testing::TestWithParam<Fault> {
 protected:
  void start(const Fault* fault) {
    std::map<std::string, std::string> environment;
    if (fault != nullptr) {
      environment = {{"LD_PRELOAD", FAULT_SHIM},          {"JOINERY_FAULT_CALL", fault->call},
                     {"JOINERY_FAULT_FILE", fault->file}, {"JOINERY_FAULT_NTH", std::to_string(fault->nth)},
                     {"JOINERY_FAULT_WHEN", fault->when}, {"JOINERY_FAULT_ARM", dir_ / "armed"}};
    }
    broker_ = std::make_unique<Process>(
        std::vector<std::string>{program("joinery-broker"), "--endpoint", endpoint_, "--data-dir",
                                 dir_ / "data", "--redis-url", "none", "--limits-payload-max", "1MiB",
                                 "--limits-frame-max", "10MiB", "--journal-segment-size", "32MiB",
                                 "--ready-fd", "9"},
        Process::Options{.environment = environment, .directory = {}, .input = {}, .ready = true});
    broker_->wait_ready();
  }
  void arm() { std::ofstream(dir_ / "armed") << "now"; }
  // The fault has struck; a broker without one goes on.
  void die_and_restart() {
    ASSERT_EQ(broker_->wait(), -SIGKILL) << broker_->err();
    start(nullptr);
  }
  static std::int64_t count(BrokerPeer& peer, std::uint64_t sequence, const char* what) {
    const Result<Value> status = peer.request(sequence, "status");
    return status->find("counts")->find(what)->as_i64(what).value();
  }

  TempDir dir_;
  std::string endpoint_ = "ipc://" + (dir_ / "socket");
  std::unique_ptr<Process> broker_;
};

const SessionId producer{9, 1};
const SessionId worker{9, 2};

using BetweenAcceptAndSync = BrokerFault;

TEST_P(BetweenAcceptAndSync, a_submission_is_in_once_when_it_is_repeated) {
  const std::vector<std::string> payloads{"one", "two"};
  start(&GetParam());
  {
    BrokerPeer client(endpoint_);
    client.hello(producer);
    arm();
    protocol::Submit submit;
    submit.sequence = 1;
    submit.groups = group_of(payloads);
    client.send(submit);
    die_and_restart();
  }
  BrokerPeer client(endpoint_);
  client.hello(producer);
  const protocol::Accepted accepted = client.submit(1, payloads);
  ASSERT_THAT(accepted.groups, SizeIs(1));
  EXPECT_EQ(accepted.groups[0].count, 2U);
  EXPECT_EQ(count(client, 2, "ready"), 2);
}

INSTANTIATE_TEST_SUITE_P(Kill, BetweenAcceptAndSync,
                         ::testing::Values(Fault{"pwrite", "segment-", "before"},
                                           Fault{"pwrite", "segment-", "after"},
                                           Fault{"fdatasync", "segment-", "before"},
                                           Fault{"fdatasync", "segment-", "after"}),
                         name_of);

using BetweenFinishAndChildren = BrokerFault;

TEST_P(BetweenFinishAndChildren, both_survive_or_neither_and_the_repetition_brings_them_once) {
  start(&GetParam());
  protocol::Finish finish;
  const std::vector<std::string> payloads{"child", "child"};
  std::vector<Group> children = group_of(payloads, "children");
  {
    BrokerPeer client(endpoint_), node(endpoint_);
    client.hello(producer);
    node.hello_worker(worker);
    client.submit(1, {"parent"});
    const auto dispatch = node.expect<protocol::Dispatch>();
    const protocol::DispatchGroup& group = dispatch.groups.at(0);
    finish.sequence = 1;
    Report report;
    report.token = {group.jobs.at(0).job, group.jobs.at(0).attempt, group.epoch};
    report.children = children;
    finish.reports.push_back(std::move(report));
    arm();
    node.send(finish);
    die_and_restart();
  }
  BrokerPeer client(endpoint_);
  client.hello(producer);
  const std::int64_t done = count(client, 2, "succeeded");
  EXPECT_EQ(count(client, 3, "ready"), done == 1 ? 2 : 0);
  EXPECT_EQ(count(client, 4, "running"), done == 1 ? 0 : 1);

  BrokerPeer node(endpoint_);
  node.hello_worker(worker, {"default"}, 100, {finish.reports[0].token});
  node.send(finish);
  // A Revoke of what is finished already may come first.
  while (!std::holds_alternative<protocol::Acked>(node.next())) {
  }
  EXPECT_EQ(count(client, 5, "succeeded"), 1);
  EXPECT_EQ(count(client, 6, "ready"), 2);
}

INSTANTIATE_TEST_SUITE_P(Kill, BetweenFinishAndChildren,
                         ::testing::Values(Fault{"pwrite", "segment-", "before"},
                                           Fault{"pwrite", "segment-", "after"},
                                           Fault{"fdatasync", "segment-", "before"},
                                           Fault{"fdatasync", "segment-", "after"}),
                         name_of);

// Live jobs among many that go, so that checkpoints are written, jobs are moved and segments come back.
class InTheMiddleOfHousekeeping : public BrokerFault {
 protected:
  static constexpr std::size_t payload_bytes = 512U << 10U;
  static constexpr int kept_per_round = 4, gone_per_round = 40, gone_per_frame = 8;

  // Waits for an answer through the broker's death.
  JobId put(Client& client, const std::string& queue, const std::vector<Bytes>& payloads) {
    SubmitOptions options;
    options.queue = queue;
    std::future<JobId> first = client.submit_many("work", payloads, options);
    while (first.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
      if (!broker_->running()) restart();
    }
    return first.get();
  }
  void restart() {
    EXPECT_EQ(broker_->wait(), -SIGKILL) << broker_->err();
    struck_ = true;
    start(nullptr);
  }
  std::string kept_payload(int number) {
    return std::string(payload_bytes, static_cast<char>('a' + number % 26));
  }

  bool struck_ = false;
};

TEST_P(InTheMiddleOfHousekeeping, every_job_that_was_accepted_is_there_with_its_payload_and_no_other) {
  start(&GetParam());
  arm();
  ClientOptions connection;
  connection.endpoint = endpoint_;
  connection.timeout = std::chrono::seconds(60);
  Client client(connection);
  const std::string filler(payload_bytes, '.');
  const std::vector<Bytes> gone(gone_per_frame, filler);
  int kept = 0;
  for (int round = 0; round < 14 && !struck_; ++round) {
    for (int i = 0; i < kept_per_round; ++i) put(client, "kept", {kept_payload(kept++)});
    for (int i = 0; i < gone_per_round; i += gone_per_frame) put(client, "gone", gone);
    const Finished purged = run({program("joinery"), "--endpoint", endpoint_, "queue", "purge", "gone"});
    if (!broker_->running()) restart();
    static_cast<void>(purged);
  }
  ASSERT_TRUE(struck_) << "the broker never came to this call";
  if (!broker_->running()) restart();

  BrokerPeer node(endpoint_);
  node.hello_worker(worker, {"kept"}, 1000);
  std::uint64_t sequence = 0;
  for (int seen = 0; seen < kept;) {
    const auto dispatch = node.expect<protocol::Dispatch>();
    for (const protocol::DispatchGroup& group : dispatch.groups) {
      for (const protocol::DispatchedJob& job : group.jobs) {
        ASSERT_EQ(job.payload.size(), payload_bytes);
        EXPECT_EQ(job.payload, kept_payload(seen++));
      }
      node.finish(++sequence, group);
    }
  }
  EXPECT_EQ(client.join_queue("kept", std::chrono::seconds(60)).succeeded, static_cast<std::uint64_t>(kept));
  broker_->signal(SIGTERM);
  EXPECT_EQ(broker_->wait(), 0);
  EXPECT_EQ(run({program("joinery-broker"), "--data-dir", dir_ / "data", "--check-journal"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Kill, InTheMiddleOfHousekeeping,
    ::testing::Values(Fault{"pwrite", "checkpoint.new", "before"},
                      Fault{"fdatasync", "checkpoint.new", "before"},
                      Fault{"rename", "checkpoint.new", "before"}, Fault{"rename", "checkpoint.new", "after"},
                      Fault{"unlink", "checkpoint-", "before"}, Fault{"fsync", "/data", "before", 2},
                      Fault{"rename", "/spare-", "before"}, Fault{"rename", "/spare-", "after", 2},
                      Fault{"fdatasync", "segment-", "before", 40}),
    [](const auto& of) {
      std::string name = name_of(of);
      std::erase(name, '/');
      return name;
    });

}  // namespace
}  // namespace joinery::testing
