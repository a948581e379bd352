// The broker's side of the wire, played by a test: it says what the test tells it and keeps nothing. Real
// sockets.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "shared/protocol/codec.h"
#include "shared/transport/transport.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace joinery::worker {

class ScriptedBroker {
 public:
  ScriptedBroker() { start(); }

  void start() {
    router_ = std::make_unique<transport::Router>(context_, transport::Router::Options{});
    // The socket of the one before is closed in the background.
    EXPECT_TRUE(testing::eventually([this] { return router_->bind(endpoint()).has_value(); }));
  }
  void stop() { router_.reset(); }
  std::string endpoint() const { return "ipc://" + (dir_ / "broker"); }
  const testing::TempDir& dir() const { return dir_; }

  // The next message of this type; others before it are dropped.
  template <typename T>
  T next() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < until) {
      Buffer frame;
      transport::ConnectionNumber connection = 0;
      if (!router_->receive(worker_, frame, connection)) {
        wait();
        continue;
      }
      auto message = protocol::decode(frame);
      if (!message) throw std::runtime_error(message.error().message);
      if (std::holds_alternative<T>(*message)) {
        kept_ = std::move(frame);  // views point into it
        return std::move(std::get<T>(*(decoded_ = protocol::decode(kept_))));
      }
      if (std::holds_alternative<protocol::Heartbeat>(*message)) send(protocol::Heartbeat{});
    }
    throw std::runtime_error("the worker did not say what was expected");
  }

  void send(const protocol::Message& message) {
    Buffer frame;
    protocol::encode(message, frame);
    ASSERT_EQ(router_->send(worker_, frame), transport::Sent::yes);
  }

  // Hello, welcome.
  protocol::Hello welcome(const std::string& redis = {}, bool resumed = false) {
    auto hello = next<protocol::Hello>();
    protocol::Welcome welcome;
    welcome.epoch = 1;
    welcome.broker = {1, 2};
    welcome.resumed = resumed;
    welcome.redis_url = redis;
    send(welcome);
    return hello;
  }

  void dispatch(const Spec& spec, JobId first, std::uint32_t count = 1, Bytes payload = "p") {
    protocol::DispatchGroup group;
    group.queue = "default";
    group.epoch = 1;
    Buffer raw;
    protocol::encode_spec(spec, raw);
    group.spec = raw;
    for (std::uint32_t i = 0; i < count; ++i) group.jobs.push_back({first + i, 1, 0, 0, payload});
    protocol::Dispatch dispatch;
    dispatch.groups.push_back(std::move(group));
    send(dispatch);
  }
  void dispatch(const std::string& handler, JobId first, std::uint32_t count = 1, Bytes payload = "p") {
    Spec spec;
    spec.handler = handler;
    dispatch(spec, first, count, payload);
  }

  protocol::Finish finish(bool acknowledge = true) {
    auto finish = next<protocol::Finish>();
    if (acknowledge) send(protocol::Acked{finish.sequence, {}});
    return finish;
  }
  // The one report of the next finish.
  Report report() {
    const auto all = finish();
    if (all.reports.size() != 1) throw std::runtime_error("expected one report");
    return all.reports[0];
  }
  // Waits for finishes until so many jobs have succeeded.
  void succeeded(std::uint64_t jobs) {
    for (std::uint64_t got = 0; got < jobs;) {
      for (const auto& run : finish().succeeded) got += run.count;
    }
  }
  // The process that runs a job of handler "stay".
  pid_t stays() { return std::stoi(next<protocol::Progress>().text); }

 private:
  void wait() {
    std::vector<pollfd> polled;
    for (const int fd : router_->descriptors()) polled.push_back({fd, POLLIN, 0});
    ::poll(polled.data(), polled.size(), 1000);
  }

  testing::TempDir dir_;
  transport::Context context_;
  std::unique_ptr<transport::Router> router_;
  transport::Address worker_;
  Buffer kept_;
  Result<protocol::Message> decoded_ = protocol::Message(protocol::Heartbeat{});
};

}  // namespace joinery::worker
