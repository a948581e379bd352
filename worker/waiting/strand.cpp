#include "worker/waiting/strand.h"

#include <utility>

namespace joinery::waiting {
namespace {

thread_local Strand* running = nullptr;

}  // namespace

Strand& Strand::current() {
  if (running == nullptr) {
    throw std::logic_error(
        "only a handler that waits (one that returns joinery::Coroutine) can co_await this");
  }
  return *running;
}

bool Strand::any() { return running != nullptr; }

void Strand::check() const {
  if (cancelled_) throw Cancelled();
}

void Strand::begin(std::coroutine_handle<> root) {
  root_ = root;
  resume(root);
}

void Strand::wait(std::coroutine_handle<> here, std::function<void()> give_up) {
  waits_ = here;
  give_up_ = std::move(give_up);
}

void Strand::go_on() {
  give_up_ = nullptr;
  resume(std::exchange(waits_, nullptr));
}

void Strand::cancel() {
  cancelled_ = true;
  if (!waits_) return;
  if (const auto give_up = std::exchange(give_up_, nullptr)) give_up();
  resume(std::exchange(waits_, nullptr));
}

void Strand::resume(std::coroutine_handle<> where) {
  Strand* const before = std::exchange(running, this);
  where.resume();
  running = before;
  if (root_.done()) ended_();
}

bool Sleep::await_ready() const { return Strand::current().cancelled(); }

void Sleep::await_suspend(std::coroutine_handle<> here) {
  Strand& strand = Strand::current();
  timer_ = strand.loop().at(read_clocks().mono + duration_, [&strand] { strand.go_on(); });
  strand.wait(here, [this, &strand] { strand.loop().forget(timer_); });
}

bool Told::await_ready() const { return Strand::current().cancelled() || state_->told; }

void Told::await_suspend(std::coroutine_handle<> here) {
  Strand& strand = Strand::current();
  state_->waits = &strand;
  strand.wait(here, [state = state_] { state->waits = nullptr; });
}

std::function<void()> Told::teller() {
  return [state = state_, mailbox = Strand::current().loop().mailbox()] {
    mailbox->post([state] {
      state->told = true;
      if (Strand* const strand = std::exchange(state->waits, nullptr)) strand->go_on();
    });
  };
}

}  // namespace joinery::waiting
