// The supervisor's session with the broker: hello and resume, capacity, finishes, heartbeats. A connection
// that breaks or falls silent is replaced by a new one; what was not acknowledged is repeated on it, in
// order.
//
// Each connection has a socket of its own, so that nothing meant for the last one comes before the hello.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shared/protocol/messages.h"
#include "shared/transport/transport.h"
#include "worker/supervisor/finishes.h"
#include "worker/supervisor/job_logs.h"
#include "worker/supervisor/job_record.h"

namespace joinery::worker {

// What comes from the broker. Called from BrokerLink::process.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void welcomed(const protocol::Welcome& welcome) = 0;
  virtual void dispatched(const DispatchFrame& frame, const protocol::Dispatch& dispatch) = 0;
  virtual void revoked(const protocol::Revoke& revoke) = 0;
  // To request(): Code::ok and a raw map, or an error.
  virtual void replied(std::uint64_t sequence, const Result<Bytes>& result) = 0;
  // Deliveries whose end was not given to the link yet.
  virtual void held_tokens(std::vector<Token>& out) = 0;
};

class BrokerLink {
 public:
  // `hello`: everything but session, capacity, handlers and held.
  BrokerLink(transport::Context& context, std::string endpoint, protocol::Hello hello, LinkEvents& events);

  // Connects, or connects again because what is announced has changed.
  void open(Mono now, std::vector<std::string> handlers);
  bool opened() const { return state_ != State::closed; }
  bool in_session() const { return state_ == State::in_session; }

  void set_capacity(std::uint32_t deliveries) { capacity_ = deliveries; }
  // Takes the ends of deliveries; flush() sends them.
  Finishes& finishes() { return finishes_; }
  void progress(protocol::Progress progress);
  // What a handler says, for those who follow its job.
  void log(const Token& token, protocol::LogLine line) { logs_.add(token, std::move(line)); }
  // Goes out before the finish of its job.
  void hold(protocol::Hold hold);
  // A query. Its sequence; 0: not in session now.
  std::uint64_t request(Mono now, const std::string& verb, Bytes arguments);
  // Sends what has gathered.
  void flush(Mono now);
  void goodbye(Mono now, const std::string& reason);

  // Takes at most `most` frames. False: there are no more.
  bool process(Mono now, std::size_t most);
  void tick(Mono now);
  Mono next_deadline() const;
  std::vector<int> descriptors() const;
  // Changes with each connection: the descriptors are others then.
  std::uint64_t connection() const { return connection_; }

 private:
  enum class State : std::uint8_t { closed, waiting, connecting, greeting, in_session };
  struct Held {
    protocol::Hold message;
    std::uint64_t before = 0;  // an ack of a finish with this sequence or a later one is one of this too
    bool sent = false;         // on this connection
  };

  void connect(Mono now);
  void disconnect(Mono now, const std::string& why, Duration pause);
  void leave(Mono now, Duration pause);
  void say_hello(Mono now);
  bool send(Mono now, Bytes frame);
  bool send(Mono now, const protocol::Message& message);
  void take_connection_changes(Mono now);
  void handle(Mono now, const std::shared_ptr<Buffer>& frame);
  void handle_welcome(Mono now, const protocol::Welcome& welcome);
  void handle_error(Mono now, const protocol::ErrorMessage& error);
  void handle_acked(const protocol::Acked& acked);
  void send_finishes(Mono now);
  void send_capacity(Mono now);
  void send_progress(Mono now);
  void send_logs(Mono now);
  void send_holds(Mono now);

  transport::Context& context_;
  std::string endpoint_;
  protocol::Hello hello_;
  LinkEvents& events_;
  std::unique_ptr<transport::Dealer> dealer_;
  State state_ = State::closed;
  std::uint64_t connection_ = 0;
  bool told_lost_ = false;  // the log says once that the broker is away

  Finishes finishes_;
  std::vector<Held> holds_;  // not acked yet
  std::map<JobId, protocol::Progress> progress_;
  JobLogs logs_;
  std::uint32_t capacity_ = 0;
  std::uint32_t capacity_told_ = 0;

  bool blocked_ = false;  // the socket's queue was full
  Mono retry_at_ = never_mono;
  Mono hello_until_ = never_mono;
  Mono last_sent_{};
  Mono last_heard_{};
  Mono progress_at_{};
  Mono logs_at_{};
  Duration heartbeat_{3'000'000};
  Duration lease_{15'000'000};
  Buffer scratch_;
};

}  // namespace joinery::worker
