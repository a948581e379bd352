// Takes the jobs of one queue for callers that want to be given them, where a worker would run a handler:
// what the SDK's queues get their items from. To the broker it is a worker of one handler.
//
// An item is buffered, then handed out by take(), then finished or rejected by whom it was handed to. What
// was not finished runs again elsewhere when the consumer closes, dies, or is silent for the broker's lease.
//
// It holds few items ahead of demand (Prefetch), and gives back what nobody has asked for in 100 ms, so that
// other consumers do not starve beside one that is busy. With `in_order` it holds none, and gives back at
// once what came too late.
//
// Threads: any. It has one of its own, which owns the connection (and is consumer_thread.cpp and
// consumer_probe.cpp).
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "producer/client/joinery/delivery.h"
#include "producer/client/link.h"
#include "producer/client/prefetch.h"
#include "producer/client/session.h"
#include "shared/job/job.h"

namespace joinery::client {

struct ConsumerOptions {
  std::string endpoint;
  std::string name;  // shown in `joinery worker ls`; empty: the program's
  std::string queue;
  std::string handler;
  std::chrono::milliseconds timeout{10'000};  // without a broker; negative: for ever
  bool in_order = false;
};

class Consumer {
 public:
  using Timeout = std::optional<std::chrono::milliseconds>;

  explicit Consumer(ConsumerOptions options);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Fills `out` from its begin with what is there; waits only for the first one. Returns how many. 0: there
  // was none until the timeout, which begins with the first session; nullopt waits for ever; zero and less
  // asks the broker whether there is one.
  // Throws ClientError: broker_unreachable when it had no session for options.timeout or at the end of the
  // call's own, closed, or why the broker refused it for good.
  std::size_t take(std::span<Delivery> out, Timeout timeout);
  // The item is done. Tokens that were revoked meanwhile count for nothing.
  void finish(const Token& token);
  // The same for the one that was handed out first; false: none is handed out.
  bool finish_oldest();
  // The item is done for, and becomes a dead letter.
  void reject(const Token& token, Failure failure);
  // The items were not used, and run again as if they had not been taken, in their order.
  void release(std::span<const Delivery> items);
  // How many wait to be taken: in the queue, and here. Throws as take() without a timeout does.
  std::uint64_t waiting();

  // Waits, options.timeout at most, until the broker has acknowledged what was finished. What is left is
  // given back. Calls of take() get `closed`, now and later.
  void close();

 private:
  struct Handed {
    Token token;
    bool revoked = false;
  };
  struct Waiter {
    std::size_t wanted;
    Mono since;
    bool probe;           // only asks whether there is something
    bool counts = false;  // or how many, and takes none
    bool asked = false;   // the broker was asked
    int questions = 0;
    bool answered = false;  // there is nothing
    bool leaving = false;
    std::uint64_t count = 0;
    std::optional<Error> error;

    // It gives up: wants nothing, and asks the broker once more. Before the answer comes all that was on its
    // way by then.
    void leave() {
      wanted = 0;
      probe = leaving = true;
      asked = answered = false;
    }
  };
  struct Unacked {
    std::uint64_t sequence;
    Buffer frame;
  };

  // --- For callers, under the lock ---
  void wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Timeout timeout);
  std::size_t pop(std::span<Delivery> out);
  bool wanted_by_nobody() const;  // what is in the buffer
  bool hand_back(const Token& token);
  void record_finish(const Token& token);
  protocol::Finish& gathered();
  bool wake_for_finish();  // true: the caller wakes the thread, after unlocking

  // --- In its own thread ---
  void run();
  void follow_changes(Now now);
  bool drain(Now now);
  void turn(Now now);
  void gather(Now now, std::vector<protocol::Finish>& finishes);
  void give_back();
  struct Wanted {
    std::uint32_t capacity = 0;
    std::uint32_t window = 0;  // of it, to have items ahead of demand
  };
  Wanted wanted() const;
  void tell_capacity(Now now, bool more);
  void add_unacked(std::vector<protocol::Finish>& finishes);
  void send_finishes(Now now);
  void probe(Now now);
  void answer_probe(const Result<const protocol::Message*>& answer);
  bool fail_waiters(Now now);
  Mono next_deadline();
  void stop_if_done(Now now);
  void add_held(protocol::Hello& hello);
  void receive(Now now, protocol::Message& message);
  void receive(Now now, protocol::Dispatch& dispatch);
  void receive(const protocol::Acked& acked);
  void receive(const protocol::Revoke& revoke);

  const ConsumerOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Delivery> buffer_;
  std::deque<Handed> handed_;  // in that order
  std::vector<Waiter*> waiters_;
  std::vector<protocol::Finish> finishes_;  // gathered, without their sequences
  std::size_t finished_ = 0;                // in them
  std::uint64_t given_back_ = 0;            // items, ever
  Prefetch prefetch_;
  Mono handed_at_{};
  std::size_t handed_number_ = 0;  // at that time
  Mono used_at_{};                 // last time that something was taken or came
  bool woken_ = false;
  bool awake_soon_ = false;  // the thread looks again within a millisecond
  bool live_ = false;
  bool met_ = false;  // it was live once
  bool closed_ = false;

  Link link_;
  Session session_;
  std::deque<Unacked> unacked_;
  std::size_t sent_ = 0;  // of unacked_, in this session
  std::uint32_t told_ = 0;
  bool probing_ = false;
  std::uint64_t given_back_before_ = 0;  // it was asked
  Mono probe_at_{};                      // not before
  std::optional<Mono> close_at_;
  bool stopped_ = false;
  std::shared_ptr<Buffer> frame_;
  bool frame_kept_ = false;  // by deliveries
  std::thread thread_;
};

}  // namespace joinery::client
