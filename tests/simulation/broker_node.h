// The broker as a process: the real core, engine and journal, on a disk that may fail. Each start is a new
// life on what the last one left.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "broker/journal/open_journal.h"
#include "broker/server/engine.h"
#include "broker/server/restore.h"
#include "tests/simulation/model.h"
#include "tests/simulation/node.h"
#include "tests/simulation/watched_journal.h"
#include "tests/support/fake_disk/fake_disk.h"

namespace joinery::simulation {

class BrokerNode : public Node {
 public:
  struct Settings {
    std::uint64_t segment_bytes = 65'536;
    std::uint64_t checkpoint_bytes = 100'000;
    std::uint64_t disk_bytes = std::uint64_t{1} << 40U;
    Duration sync_max = std::chrono::milliseconds(5);
    std::vector<Limit> limits;
  };
  BrokerNode(NodeId node, Network& network, Random random, Settings settings, Model& model);
  ~BrokerNode() override;

  Instant due() const override;
  void turn() override;

  bool up() const { return life_ != nullptr; }
  void start();
  void stop();                                // as on SIGTERM
  void kill(bool power);                      // SIGKILL; with the power, what was not synced goes too
  void break_disk(std::uint64_t operations);  // it fails after so many more; which ends the life
  void mend_disk();
  // Opens a copy of what is on the disk with one bit flipped: it must be found, or be no harm.
  void flip_a_bit();
  const broker::Core& core() const { return *life_->core; }

  // What came to pass, in all of its lives.
  struct Seen {
    std::set<std::string> verbs;     // that were answered as asked
    std::set<std::size_t> messages;  // of protocol::Message, in either direction
    std::set<std::size_t> changes;   // of the core
    std::set<Overlap> overlaps;      // of schedules that were due while a job of theirs was unfinished
  };
  const Seen& seen() const { return seen_; }

 private:
  struct Life {
    std::optional<Error> fatal;  // these two to the very end
    bool starting = true;
    std::unique_ptr<broker::Core> core;
    std::unique_ptr<broker::Journal> journal;
    std::unique_ptr<transport::Context> context;
    std::unique_ptr<transport::Router> router;
    std::unique_ptr<broker::server::RedisRunner> redis;
    std::unique_ptr<broker::server::Engine> engine;
    std::deque<std::pair<Instant, std::function<void()>>> syncs;
    Instant next_interval_sync = never;
  };
  broker::JournalOptions journal_options() const;
  void check_payloads();
  void note_seen(const Decided& decided);
  void end_life(bool power);
  void watch_network();
  void given(int connection, Bytes frame);
  void taken(int connection, Bytes frame);
  void must_be_durable(broker::Position end, const std::string& what);
  bool is_sync(JobId id) const;
  // broker_frames.cpp and broker_answers.cpp
  void told(SessionId to, const protocol::Accepted& accepted);
  void told(SessionId to, const protocol::Reply& reply);
  void told(SessionId to, const protocol::ErrorMessage& error);
  void told(SessionId to, const protocol::Acked& acked);
  void told(SessionId to, const protocol::Dispatch& dispatch);
  void told(SessionId to, const protocol::Joined& joined);
  void told(SessionId to, const protocol::Outcomes& outcomes);
  template <typename Other>
  void told(SessionId, const Other&) {}
  void is_of_request(SessionId session, std::uint64_t sequence, std::size_t group, std::size_t size,
                     const broker::GroupAnswer& answer) const;

  Random random_;
  Settings settings_;
  Model& model_;
  testing::FakeDisk disk_;
  std::unique_ptr<Life> life_;
  std::uint64_t compared_ = 0;
  Seen seen_;
  // What is known of those at the other ends.
  struct Asked {
    Instant at{};
    broker::Target target;
    unsigned times = 0;  // each may be answered
  };
  std::map<int, SessionId> sessions_;
  std::map<std::pair<SessionId, std::uint64_t>, Asked> joins_;
  std::map<std::pair<SessionId, std::uint64_t>, std::vector<Token>> finishes_;
  std::map<std::pair<SessionId, std::uint64_t>, std::vector<std::size_t>> submits_;  // jobs of each group
  std::map<std::pair<SessionId, std::uint64_t>, std::string> verbs_;
};

}  // namespace joinery::simulation
