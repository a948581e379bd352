// An HTTP server that says what a test wants it to, byte by byte, and remembers when it was asked for what. A
// thread per connection; HTTP/1.1 with connections that stay. It does not imitate limits of real servers.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace crawler::testing {

using Clock = std::chrono::steady_clock;

struct Asked {
  std::string target;
  std::string head;  // whole request
  std::string host;  // as in its Host header
  Clock::time_point begin;
  Clock::time_point end;  // just before the last of the answer was sent: the client had not seen it yet
};

// The connection during a request: write() says false once the client is gone.
class Answer {
 public:
  explicit Answer(int socket) : socket_(socket) {}
  bool write(std::string_view bytes);
  // An ordinary answer with Content-Length.
  void page(std::string_view body, std::string_view type = "text/html", std::string_view more_headers = {});
  void status(int status, std::string_view headers = {});
  void close() { closed_ = true; }
  bool closed() const { return closed_; }
  Clock::time_point last_sent() const { return last_sent_; }

 private:
  int socket_;
  bool closed_ = false;
  Clock::time_point last_sent_ = Clock::now();
};

class ScriptedServer {
 public:
  using Script = std::function<void(const Asked&, Answer&)>;
  // Listens on all addresses of 127.0.0.0/8; port 0: one that is free.
  explicit ScriptedServer(Script script, int port = 0);
  ~ScriptedServer();

  int port() const { return port_; }
  std::string url(const std::string& target, const std::string& host = "127.0.0.1") const;
  std::vector<Asked> asked() const;
  std::size_t connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int socket);
  std::size_t remember(const Asked& asked);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::list<int> open_;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace crawler::testing
