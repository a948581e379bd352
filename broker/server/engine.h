// The loop: one thread that owns all state. It waits for frames, syncs, signals and deadlines; then one turn
// does all there is to do, up to a bound, and hands what was decided to the journal.
//
//   wait until the core's next deadline, or something readable
//   read the clocks once; deliver what became durable
//   drain a bounded number of frames, each one command
//   tick; commit; deliver what is durable already
#pragma once

#include <sys/epoll.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/core/core.h"
#include "broker/journal/journal.h"
#include "broker/server/follow.h"
#include "broker/server/intake.h"
#include "broker/server/outgoing.h"
#include "broker/server/progress.h"
#include "broker/server/redis_runner.h"
#include "broker/server/scheduler.h"
#include "broker/server/sessions.h"
#include "broker/server/specs.h"
#include "broker/server/transactor.h"
#include "broker/server/verbs.h"
#include "broker/server/views.h"
#include "shared/protocol/messages.h"
#include "shared/redis/descriptor_watch.h"
#include "shared/transport/transport.h"

namespace joinery::broker::server {

class Engine {
 public:
  struct Parts {
    Core& core;
    Journal& journal;
    transport::Router& router;
    RedisRunner& redis;
    int signals = -1;  // a signalfd of SIGTERM, SIGINT and SIGHUP
  };
  struct Settings {
    protocol::Welcome welcome;  // without what differs from session to session
    std::string endpoint;       // as bound
    std::string data_dir;
    QueueOptions queue_defaults;
    Sessions::Limits outbox{};
  };

  Engine(const Parts& parts, const Settings& settings);

  // Begins this life of the broker: its epoch is durable when this returns.
  void start(Now now);
  // Gives queues these options, if they have others; and takes these schedules in place of those of the file
  // that were there.
  void configure(const std::map<std::string, QueueOptions>& queues, const std::vector<Schedule>& schedules);
  // What SIGHUP does.
  void on_hangup(std::function<void()> reload) { on_hangup_ = std::move(reload); }
  // Serves until SIGTERM or SIGINT; then makes all durable, says goodbye, and returns.
  void run();

  // What run() is made of, for those who have a time of their own. One turn:
  void turn(Now now);
  // How long there is nothing to do by itself.
  Duration patience(Now now) const;

 private:
  template <typename Verb>
  void apply(std::uint64_t& sequence, Verb verb);
  void declare(const std::vector<Schedule>& schedules, std::uint64_t& sequence);
  bool drain();
  void check_room();
  bool bury_missing();
  void wait();
  void watch_redis();
  void take_signals();
  void finish();
  void wait_durable(Duration limit);
  void say_goodbye();

  Parts parts_;
  Settings settings_;
  Sessions sessions_;
  SpecBook specs_;
  ProgressBook progress_;
  FollowBook follows_{sessions_};
  Outgoing outgoing_;
  Transactor transactor_;
  Scheduler scheduler_;
  Desk desk_;
  Verbs verbs_;
  Intake intake_;

  std::function<void()> on_hangup_;
  bool stopping_ = false;
  bool busy_ = false;        // another turn at once
  bool backlogged_ = false;  // a peer could not take all of its frames
  bool has_room_ = true;
  bool redis_due_ = true;  // something may have come from it
  // The frame in hand.
  transport::Address from_;
  Buffer frame_;
  transport::ConnectionNumber connection_ = -1;

  unique_fd redis_poll_{::epoll_create1(EPOLL_CLOEXEC)};  // of the descriptors of Redis
  int redis_child_ = -1;
  redis::DescriptorWatch redis_link_;
  std::vector<int> readable_;  // of what is waited for beside the router's
  std::vector<Outgoing::Missing> missing_;
};

}  // namespace joinery::broker::server
