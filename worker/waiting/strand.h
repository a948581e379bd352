// A coroutine from outside: it is begun, goes on each time that what it waits for has come, and ends. One job
// of a handler that waits is one strand; the strands of a thread take turns.
//
// What can be awaited finds its strand by Strand::current():
//
//   void await_suspend(std::coroutine_handle<> here) {
//     strand = &Strand::current();
//     timer = strand->loop().at(when, [strand] { strand->go_on(); });
//     strand->wait(here, [this] { strand->loop().forget(timer); });
//   }
//   void await_resume() { strand->check(); }
#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <stdexcept>

#include "worker/waiting/coroutine.h"
#include "worker/waiting/event_loop.h"

namespace joinery {

// What a wait throws when the job shall stop: it was cancelled, or its soft time limit is over. Each later
// wait of that job throws it too, at once.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("the job was asked to stop") {}
};

namespace waiting {

class Strand {
 public:
  // `ended` is called when the coroutine has; it may be destroyed from then on, but not by that call.
  Strand(EventLoop& loop, std::function<void()> ended) : loop_(loop), ended_(std::move(ended)) {}
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  // The one that runs in this thread now. Throws std::logic_error if none does: something was awaited that
  // only a handler that waits can await.
  static Strand& current();
  // Whether one does.
  static bool any();
  EventLoop& loop() const { return loop_; }

  void begin(std::coroutine_handle<> root);
  // Its coroutine is suspended `here`. `give_up` takes back what it waits for.
  void wait(std::coroutine_handle<> here, std::function<void()> give_up);
  // What it waited for has come. Only from the loop, not while a strand runs.
  void go_on();
  // Ends its wait, if it waits, and each one that follows. From the loop as well.
  void cancel();
  bool cancelled() const { return cancelled_; }
  // Throws Cancelled.
  void check() const;

 private:
  void resume(std::coroutine_handle<> where);

  EventLoop& loop_;
  const std::function<void()> ended_;
  std::coroutine_handle<> root_;
  std::coroutine_handle<> waits_;
  std::function<void()> give_up_;
  bool cancelled_ = false;
};

// co_await Sleep(100ms).
class [[nodiscard]] Sleep {
 public:
  explicit Sleep(Duration duration) : duration_(duration) {}
  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> here);
  void await_resume() const { Strand::current().check(); }

 private:
  Duration duration_;
  EventLoop::Timer timer_;
};

// Goes on when told, by any thread, however late: what is told of an end that nobody waits for any more is
// dropped.
class Told {
 public:
  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> here);
  void await_resume() const { Strand::current().check(); }
  // A function to call once, made before the wait. It may be called before the wait begins.
  std::function<void()> teller();

 private:
  struct State {
    Strand* waits = nullptr;
    bool told = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace waiting
}  // namespace joinery
