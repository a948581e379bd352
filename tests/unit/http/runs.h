// Runs a coroutine of a job to its end, with a loop of its own.
#pragma once

#include <gmock/gmock.h>

#include "fake_context.h"
#include "scripted_server.h"
#include "worker/http/joinery/http.h"
#include "worker/waiting/strand.h"

namespace joinery::http {

// Options with some of them set: with<Options>([](auto& o) { o.timeout = 1s; }).
template <typename O>
O with(const std::function<void(O&)>& set) {
  O options;
  set(options);
  return options;
}

// Remembers progress, and cancels when a test has seen enough of it.
class Job : public handlers::FakeContext {
 public:
  void progress(double fraction, std::string_view text) override {
    texts.emplace_back(text);
    fractions.push_back(fraction);
    if (on_progress) on_progress();
  }
  std::vector<std::string> texts;
  std::vector<double> fractions;
  std::function<void()> on_progress;
};

class Runs : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }

  template <typename R>
  R run(Coroutine<R> coroutine) {
    bool ended = false;
    waiting::Strand strand(loop_, [&ended] { ended = true; });
    strand_ = &strand;
    strand.begin(coroutine.handle());
    while (!ended) loop_.turn(true);
    strand_ = nullptr;
    return coroutine.take();
  }
  // From a handler or a server's thread: ends the wait of what runs.
  void cancel_soon() {
    loop_.mailbox()->post([this] {
      if (strand_) strand_->cancel();
    });
  }
  template <typename R>
  Problem problem_of(Coroutine<R> coroutine) {
    try {
      run(std::move(coroutine));
    } catch (const Error& error) {
      message_ = error.what();
      return error.problem();
    }
    ADD_FAILURE() << "it succeeded";
    return Problem::file;
  }

  waiting::EventLoop loop_;
  waiting::Strand* strand_ = nullptr;
  std::string message_;
};

}  // namespace joinery::http
