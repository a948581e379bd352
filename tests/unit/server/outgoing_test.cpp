// From a command to the frames that it causes, with a real core, journal and router. Only a payload that
// cannot be read is put on.
#include "broker/server/outgoing.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <functional>
#include <set>

#include "broker/journal/open_journal.h"
#include "broker/server/transactor.h"
#include "tests/support/temp_dir.h"

namespace joinery::broker::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NoRecovery : public Recovery {
 public:
  Result<> checkpoint(Bytes) override { return {}; }
  Result<> change(const Change&, std::uint64_t) override { return {}; }
};

// A journal that cannot read the payloads of some sizes; all else is the real one's.
class DamagedJournal : public Journal {
 public:
  explicit DamagedJournal(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}

  Result<> read(Place place, Buffer& out) override {
    if (damaged.contains(place.size)) return fail(Code::missing_payload, "damaged by the test");
    return journal_->read(place, out);
  }
  Appended append(std::span<const Change> changes,
                  std::span<const std::span<const Bytes>> payloads) override {
    return journal_->append(changes, payloads);
  }
  void commit(bool sync) override { journal_->commit(sync); }
  Position durable() const override { return journal_->durable(); }
  int descriptor() const override { return journal_->descriptor(); }
  Position end() const override { return journal_->end(); }
  void release(Place place) override { journal_->release(place); }
  void retain(Place place) override { journal_->retain(place); }
  bool has_room(std::uint64_t bytes, std::uint64_t unfinished) override {
    return journal_->has_room(bytes, unfinished);
  }
  bool wants_checkpoint() const override { return journal_->wants_checkpoint(); }
  void checkpoint(const std::function<void(const std::function<void(Bytes)>&)>& save) override {
    journal_->checkpoint(save);
  }
  std::vector<Candidate> to_move(std::size_t most, bool busy) override {
    return journal_->to_move(most, busy);
  }
  Stats stats() const override { return journal_->stats(); }

  std::set<std::uint32_t> damaged;

 private:
  std::unique_ptr<Journal> journal_;
};

class OutgoingTest : public ::testing::Test {
 protected:
  OutgoingTest() {
    const std::string endpoint = *router_.bind("ipc://" + (dir_ / "socket"));
    EXPECT_TRUE(dealer_.connect(endpoint));
    transactor_.set_now(now_);
    transactor_.start();
    meet();
  }

  static std::unique_ptr<Journal> open(const std::string& directory) {
    NoRecovery recovery;
    return std::move(*open_journal({.directory = directory}, recovery,
                                   [](const Error& error) { ADD_FAILURE() << error.message; }));
  }
  void wait(const std::vector<int>& descriptors) {
    std::vector<pollfd> waits;
    for (const int fd : descriptors) waits.push_back({fd, POLLIN, 0});
    ASSERT_GT(::poll(waits.data(), waits.size(), 60'000), 0);
  }
  // The worker says hello, by which the router knows its address.
  void meet() {
    std::vector<int> changes;
    while (dealer_.send("hello") != transport::Sent::yes) {
      wait(dealer_.descriptors());
      dealer_.changes(changes);
    }
    transport::Address address;
    Buffer frame;
    transport::ConnectionNumber connection = -1;
    while (!router_.receive(address, frame, connection)) wait(router_.descriptors());
    sessions_.bind(worker_, Role::worker, address, connection);
    WorkerInfo info{.name = "w", .host = {}, .queues = {"default"}, .handlers = {"*"}, .capacity = 100};
    transactor_.apply(Connect{worker_, Role::worker, info, {}});
    EXPECT_EQ(received().index(), protocol::Message(protocol::Welcome{}).index());
  }
  void submit(const std::vector<Bytes>& payloads) {
    Buffer raw;
    Spec spec;
    spec.handler = "work";
    protocol::encode_spec(spec, raw);
    std::vector<std::uint32_t> sizes;
    for (const Bytes payload : payloads) sizes.push_back(static_cast<std::uint32_t>(payload.size()));
    const PutGroup group{
        .queue = "default", .spec = *specs_.find(raw, "default", transactor_.effects()), .sizes = sizes};
    const std::span<const Bytes> view = payloads;
    Submit command;
    command.session = worker_;
    command.sequence = ++sequence_;
    command.groups = std::span(&group, 1);
    transactor_.apply(command, std::span(&view, 1));
  }
  void sync() {
    transactor_.commit();
    while (journal_.durable() < journal_.end()) wait({journal_.descriptor()});
    outgoing_.deliver(journal_.durable());
  }
  protocol::Message received() {
    while (!dealer_.receive(frame_)) wait(dealer_.descriptors());
    return *protocol::decode(frame_);
  }
  // Payloads of the next `count` deliveries; other messages are passed over.
  std::vector<std::string> dispatched(std::size_t count) {
    std::vector<std::string> payloads;
    while (payloads.size() < count) {
      const protocol::Message message = received();
      const auto* dispatch = std::get_if<protocol::Dispatch>(&message);
      if (dispatch == nullptr) continue;
      for (const auto& group : dispatch->groups) {
        for (const auto& job : group.jobs) payloads.emplace_back(job.payload);
      }
    }
    return payloads;
  }
  std::vector<Outgoing::Missing> missing() {
    std::vector<Outgoing::Missing> missing;
    outgoing_.take_missing(missing);
    return missing;
  }

  const SessionId worker_{1, 1};
  const Now now_ = read_clocks();
  testing::TempDir dir_;
  transport::Context context_;
  transport::Router router_{context_, {}};
  transport::Dealer dealer_{context_, {}};
  Core core_{CoreOptions{}};
  DamagedJournal journal_{open(dir_ / "data")};
  Sessions sessions_{router_, {}};
  SpecBook specs_{core_};
  FollowBook follows_{sessions_};
  Outgoing outgoing_{core_, journal_, sessions_, specs_, follows_, protocol::Welcome{}};
  Transactor transactor_{core_, journal_, outgoing_};
  std::uint64_t sequence_ = 0;
  Buffer frame_;
};

TEST_F(OutgoingTest, NothingThatMustBeDurableGoesOutBeforeItIs) {
  submit({"a"});
  transactor_.tick();
  EXPECT_TRUE(outgoing_.waiting());
  EXPECT_FALSE(dealer_.receive(frame_));
  sync();
  EXPECT_FALSE(outgoing_.waiting());
  EXPECT_THAT(dispatched(1), ElementsAre("a"));
}

TEST_F(OutgoingTest, APayloadThatCannotBeReadHarmsNobodyElse) {
  journal_.damaged = {2};
  submit({"a", "bb", "ccc"});
  transactor_.tick();
  sync();
  EXPECT_THAT(dispatched(2), ElementsAre("a", "ccc"));
  const auto lost = missing();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].worker, worker_);
  EXPECT_EQ(lost[0].token.job, 2U);
  EXPECT_EQ(lost[0].error.code, Code::missing_payload);
  EXPECT_THAT(missing(), IsEmpty());
}

TEST_F(OutgoingTest, WhatWaitsForASyncIsNotSentToTheNextConnectionOfItsWorker) {
  submit({"a"});
  transactor_.tick();
  meet();  // its hello holds nothing, so the core gives the job out anew
  transactor_.tick();
  sync();
  EXPECT_THAT(dispatched(1), ElementsAre("a"));
  EXPECT_EQ(core_.job(1)->attempt, 2U);
  submit({"b"});
  transactor_.tick();
  sync();
  EXPECT_THAT(dispatched(1), ElementsAre("b"));  // and no second "a" before it
}

TEST_F(OutgoingTest, AWorkerKnowsThatADeliveryIsFollowedBeforeItHasIt) {
  submit({"a"});
  follows_.ask(now_.mono, Token{.job = 1}, SessionId{});
  transactor_.tick();
  sync();
  for (bool told = false;;) {
    const protocol::Message message = received();
    if (std::holds_alternative<protocol::Follow>(message)) told = true;
    if (!std::holds_alternative<protocol::Dispatch>(message)) continue;
    EXPECT_TRUE(told);
    break;
  }
}

TEST_F(OutgoingTest, ARevokeNeverOvertakesTheDispatchThatItRevokes) {
  submit({"a"});
  transactor_.tick();
  transactor_.apply(Admin{worker_, ++sequence_, 0, Cancel{{.queue = {}, .batch = 0, .jobs = {1}}}});
  sync();
  bool dispatched = false;
  while (true) {
    const protocol::Message message = received();
    if (std::holds_alternative<protocol::Dispatch>(message)) dispatched = true;
    if (std::holds_alternative<protocol::Revoke>(message)) break;
  }
  EXPECT_TRUE(dispatched);
}

}  // namespace
}  // namespace joinery::broker::server
