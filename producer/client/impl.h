// The client's thread, which owns the connection, and how callers reach it: jobs through the outbox,
// everything else as a task that it runs. A caller that waits may stand in for the thread (attend), so that
// its answer comes without a hand-over.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "producer/client/joinery/client.h"
#include "producer/client/link.h"
#include "producer/client/outbox.h"
#include "producer/client/session.h"
#include "producer/client/watches.h"
#include "shared/redis/redis.h"

namespace joinery {

class Client::Impl {
 public:
  using Task = std::move_only_function<void(Now)>;
  template <typename T>
  using Reply = std::promise<Result<T>>;

  explicit Impl(ClientOptions options);
  ~Impl();

  client::Outbox& outbox() { return outbox_; }
  void close();
  bool closed() const { return !thread_.joinable(); }
  // --- For callers: each waits for its answer ---
  void connect();
  void flush(std::optional<Mono> deadline);
  void flush_at_end();  // at most options.timeout
  SubmittedFlow submit_flow(const std::string& name, std::span<const FlowPart> parts);
  Counts join(protocol::Join target, std::optional<std::chrono::milliseconds> timeout);
  std::vector<JobOutcome> wait(const std::vector<JobId>& jobs,
                               std::optional<std::chrono::milliseconds> timeout);
  Buffer request(const std::string& verb, Bytes arguments, std::optional<std::chrono::milliseconds> timeout);
  void request_quietly(std::string verb, Buffer arguments);
  void on_outcome(std::function<void(const JobOutcome&)> call);
  // See Client.
  bool attend(const std::function<void()>& begin, const std::function<bool()>& done);
  void recall();
  // From the newest welcome: connects if there was none yet.
  protocol::Welcome last_welcome();
  std::string redis_url();
  SessionId broker_id();
  std::vector<std::optional<results::Stored>> read_results(const std::vector<JobId>& jobs, bool take);

 private:
  struct Flush {
    std::uint64_t up_to;  // sequence
    std::optional<Mono> deadline;
    Reply<bool> reply;
  };
  struct Connect {
    Mono since;
    Reply<bool> reply;
  };

  // Runs `start` in the client's thread and waits for its reply. Throws ClientError.
  template <typename T>
  T call(std::move_only_function<void(Now, Reply<T>)> start);
  void post(Task task);

  // --- In the client's thread, or in the one that stands in for it: with turn_mutex_ ---
  void run();
  void turn();
  class StandIn;
  void begin_quietly(const std::function<void()>& begin);
  void attend_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& done);
  bool running() const;  // in this thread
  void run_tasks(Now now);
  bool drain(Now now);
  void take_changes(Now now);
  Mono next_deadline() const;
  void send_frames(Now now, bool all);
  void send_frame(Now now, client::Frame frame);
  void settle(client::Frame& frame, Mono asked, const Result<const protocol::Message*>& answer);
  Result<> accept(client::Frame& frame, Mono asked, const protocol::Accepted& accepted);
  void welcomed(const protocol::Welcome& welcome);
  void complete_waiting(Now now);
  void refuse_all();
  void stop(Now now);

  const ClientOptions options_;
  client::Link link_;
  client::Outbox outbox_;
  client::Session session_;
  client::Watches watches_;

  std::mutex turn_mutex_;              // whoever has it is the client's thread
  std::atomic<bool> attended_{false};  // a caller stands in for the thread
  Mono asleep_until_{};                // the thread; what is due before needs it to be woken

  std::mutex tasks_mutex_;
  std::vector<Task> tasks_;

  std::vector<Flush> flushes_;
  std::vector<Connect> connects_;
  std::set<std::pair<std::string, std::string>> warned_;  // handler, queue
  Buffer frame_;
  bool stopped_ = false;

  std::mutex welcome_mutex_;
  std::optional<protocol::Welcome> welcome_;
  std::mutex redis_mutex_;
  std::optional<redis::Client> redis_;
  std::string redis_at_;

  std::thread thread_;
};

template <typename T>
T Client::Impl::call(std::move_only_function<void(Now, Reply<T>)> start) {
  if (running()) {
    throw ClientError(Error{Code::invalid_state, "a callback of the client may not call what waits", {}});
  }
  Reply<T> reply;
  auto future = reply.get_future();
  post([start = std::move(start), reply = std::move(reply)](Now now) mutable {
    start(now, std::move(reply));
  });
  auto result = future.get();
  if (!result) throw ClientError(std::move(result.error()));
  return std::move(*result);
}

}  // namespace joinery
