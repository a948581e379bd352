// The mixed load of a soak: each kind of work in a thread of its own, again and again at a moderate pace, and
// each looks at what comes back.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "producer/client/joinery/client.h"

namespace joinery::soak {

class Load {
 public:
  // `pace`: how many times as fast as usual.
  Load(std::string endpoint, std::uint64_t seed, double pace);
  ~Load();

  // Ends all threads; each finishes what it is at.
  void stop();
  // Of each kind: how often it was done.
  std::map<std::string, std::uint64_t> rounds() const;
  // The first thing that was not as it must be; empty: none.
  std::string wrong() const;
  // Jobs that were accepted (children are not among them).
  std::uint64_t accepted() const { return accepted_; }

 private:
  struct Turn {
    Client& client;
    std::mt19937_64& random;
  };
  using Kind = void (Load::*)(Turn);
  void start(const char* name, std::chrono::milliseconds pause, Kind kind);
  void repeat(const char* name, std::chrono::milliseconds pause, Kind kind, std::uint64_t seed);
  void expect(bool good, const std::string& what);

  void plain(Turn turn);     // many small jobs, some large
  void results(Turn turn);   // through Redis and along with the outcome
  void flows(Turn turn);     // batches with children and jobs that come after; some are cancelled
  void keys(Turn turn);      // limits, order, delays, unique keys
  void failures(Turn turn);  // retries, dead letters that are deleted, processes that die
  void commands(Turn turn);
  void locks(Turn turn);
  void full(Turn turn);      // puts that wait for room
  void visitors(Turn turn);  // clients that come and go

  std::string endpoint_;
  double pace_;
  std::uint64_t seed_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> accepted_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> rounds_;
  std::string wrong_;
  std::vector<std::thread> threads_;
};

}  // namespace joinery::soak
