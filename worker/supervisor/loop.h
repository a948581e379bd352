// The supervisor's one thread: waits for descriptors and deadlines, gives what has come to the plan, and
// performs its actions by processes, result writer and broker link.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/stop_requests.h"
#include "shared/redis/descriptor_watch.h"
#include "worker/supervisor/broker_link.h"
#include "worker/supervisor/burst.h"
#include "worker/supervisor/health.h"
#include "worker/supervisor/inputs.h"
#include "worker/supervisor/memory_kills.h"
#include "worker/supervisor/pool_plan.h"
#include "worker/supervisor/pool_process.h"
#include "worker/supervisor/result_writer.h"
#include "worker/supervisor/supervisor.h"

namespace joinery::worker {

class Loop final : private LinkEvents {
 public:
  Loop(const SupervisorOptions& options, std::string name);
  // Until told to stop. The exit code.
  int run();

 private:
  enum class Source : std::uint32_t { signal, broker, redis, socket, output, alive };
  struct Entry {
    explicit Entry(Spawned spawned) : process(std::move(spawned)) {}
    PoolProcess process;
    bool blocked = false;         // its socket takes no more now
    bool dirty = false;           // there is something to flush
    bool told_shared = false;     // where shared values and locks live
    bool sound = true;            // what it said so far is of the protocol
    protocol::Progress progress;  // the last that it told
  };

  // LinkEvents
  void welcomed(const protocol::Welcome& welcome) override;
  void dispatched(const DispatchFrame& frame, const protocol::Dispatch& dispatch) override;
  void revoked(const protocol::Revoke& revoke) override;
  void replied(std::uint64_t sequence, const Result<Bytes>& result) override;
  void held_tokens(std::vector<Token>& out) override;

  // loop.cpp: turns
  void hand_on(const DispatchFrame& frame, const protocol::Dispatch& dispatch);
  void turn();
  void wait();
  int timeout_ms() const;
  void handle(Source source, std::uint32_t id, std::uint32_t events);
  void add(int fd, Source source, std::uint32_t id, std::uint32_t events);
  void change(int fd, Source source, std::uint32_t id, std::uint32_t events);
  void drop(int fd);
  void watch_broker();
  void watch_redis();
  void take_signals();
  void announce();
  void say_ready();
  void check_memory();
  void burst();
  bool finished();
  const char* state() const;

  // loop_processes.cpp: processes and actions
  void perform();
  void perform(const action::Start& start);
  void perform(const action::Feed& feed);
  void perform(const action::Cancel& cancel);
  void perform(const action::Stop& stop);
  void perform(const action::Kill& kill);
  void perform(const action::Problem& problem);
  void perform_finished(Finished& finished);
  Entry* to_write(ProcessId id);
  void flush(ProcessId id, Entry& entry);
  void read_socket(ProcessId id);
  bool take_messages(ProcessId id, Entry& entry);
  void take_message(ProcessId id, Entry& entry, pool::Message& message);
  void take_log(ProcessId id, const pool::Log& log);
  void read_output(ProcessId id);
  void take_exit(ProcessId id);

  const SupervisorOptions& options_;
  std::string name_;
  std::vector<std::vector<std::string>> commands_;  // of each pool
  unique_fd ready_;                                 // of --ready-fd, until it was told
  unique_fd poll_;
  unique_fd signals_;
  Now now_ = read_clocks();
  Actions actions_;
  Actions acting_;  // while they are performed
  PoolPlan plan_;
  transport::Context context_;
  BrokerLink link_;
  ResultWriter writer_;
  Inputs inputs_;
  pool::Shared shared_;
  bool process_ended_ = false;  // what is finished now, is so by the end of its process
  Burst burst_;
  HealthFile health_;

  std::map<ProcessId, Entry> processes_;
  std::vector<ProcessId> dirty_;
  std::vector<std::pair<ProcessId, std::string>> not_started_;
  std::vector<int> broker_fds_;
  std::uint64_t broker_connection_ = 0;
  redis::DescriptorWatch redis_;
  bool redis_readable_ = false;
  std::vector<std::string> announced_;
  bool announce_ = true;                                   // the plan's handlers may have changed
  bool busy_ = false;                                      // there was more than one turn takes
  std::size_t payload_max_ = limits::payload_max_default;  // of the broker
  std::size_t frame_max_ = limits::frame_max_default;
  StopRequests stops_{std::chrono::milliseconds(500)};
  bool stopping_ = false;
  Mono give_up_at_ = never_mono;  // on acknowledgements, when all processes are gone
  Mono memory_at_ = never_mono;
  MemoryKills memory_kills_;
  std::map<std::uint64_t, std::string> asked_;  // queue.show under way
  std::uint64_t ready_jobs_ = 0;
  bool failed_ = false;
  std::vector<JobId> succeeded_;
  pool::Message message_;
};

}  // namespace joinery::worker
