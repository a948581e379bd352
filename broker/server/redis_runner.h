// The Redis that this broker tells its sessions about: a private redis-server on a unix socket in the data
// directory, started, watched and stopped here; or yours, by its URL; or none. The broker itself stores
// nothing in it but a probe, every few seconds, which tells whether it takes writes: one that is frozen or
// out of memory still has its connections.
//
// The private one takes no TCP connections: its socket serves the workers and producers of this host. Others
// (containers, hosts) need `redis.url`.
//
// Threads: one owner, and start() on the thread that lives as long as the broker (the kernel ends the child
// when that thread ends).
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "shared/base/error.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"
#include "shared/redis/redis.h"

namespace joinery::broker::server {

class RedisRunner {
 public:
  enum class Mode : std::uint8_t { mine, yours, none };
  struct Options {
    std::string url{};                    // "": a private one. "none": none
    std::string server = "redis-server";  // program of the private one: a name in PATH, or a path
    std::string directory{};              // data directory, absolute
    Duration patience{30'000'000};        // for the first answer
    std::string probe_key{};              // of what is written to it now and then
    Duration probe_every{5'000'000};      // and it has as long for its answer
  };

  explicit RedisRunner(Options options);
  // Stops the private one.
  ~RedisRunner();
  RedisRunner(const RedisRunner&) = delete;
  RedisRunner& operator=(const RedisRunner&) = delete;

  // Waits until it answers. Error: redis_unreachable or invalid_config, with what to do about it.
  Result<> start();
  void stop();

  // Empty: none. With the password, for sessions.
  const std::string& url() const { return url_; }
  // For people.
  std::string shown_url() const;
  Mode mode() const { return mode_; }
  // It takes writes, as far as is known.
  bool up() const;
  // Why it is not up; empty if it is, or if that is not known yet.
  const std::string& problem() const { return problem_; }

  // For the loop. Descriptors are -1 while there is none.
  int child_descriptor() const { return child_fd_.get(); }
  int link_descriptor() const;
  std::uint64_t link_opened() const;  // grows with each new link descriptor
  bool link_wants_write() const;
  Mono next_deadline() const;
  // Notices the child's death, restarts it, keeps the link.
  void process(Now now);

 private:
  Result<> start_mine();
  Result<> find_server();
  Result<> choose_socket();
  Result<> lock_directory();
  Result<> spawn();
  Result<> wait_for_answer();
  void reap(Now now);
  void probe(Now now);
  void probed(const Result<redis::Value>& answer);
  void note(const std::string& problem);
  Mono probe_deadline() const;
  void remove_socket();

  Options options_;
  Mode mode_ = Mode::mine;
  std::string url_;
  std::string program_;
  std::string directory_;
  std::string socket_;
  std::string socket_directory_;  // made for the socket; empty: it is in the data directory
  unique_fd lock_;  // held by the child too: as long as any redis-server writes to the directory
  pid_t child_ = -1;
  unique_fd child_fd_;
  Mono restart_at_ = never_mono;
  Mono started_at_{};
  Duration backoff_{0};
  std::unique_ptr<redis::Pipeline> link_;
  bool connected_ = false;
  Mono now_{};
  Mono probe_at_{};
  Mono probe_sent_ = never_mono;  // never: none waits for its answer
  std::string problem_;
};

std::string_view word(RedisRunner::Mode mode);

}  // namespace joinery::broker::server
