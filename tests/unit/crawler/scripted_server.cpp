#include "scripted_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace crawler::testing {

bool Answer::write(std::string_view bytes) {
  last_sent_ = Clock::now();
  while (!bytes.empty() && !closed_) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      closed_ = true;
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  return !closed_;
}

void Answer::page(std::string_view body, std::string_view type, std::string_view more_headers) {
  write("HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" + std::string(body));
}

void Answer::status(int status, std::string_view headers) {
  write("HTTP/1.1 " + std::to_string(status) + " so\r\nContent-Length: 0\r\n" + std::string(headers) +
        "\r\n");
}

ScriptedServer::ScriptedServer(Script script, int port) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t length = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, plain, length) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, plain, &length) != 0) {
    throw std::runtime_error("the test's server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard guard(mutex_);
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string ScriptedServer::url(const std::string& target, const std::string& host) const {
  return "http://" + host + ":" + std::to_string(port_) + target;
}

std::vector<Asked> ScriptedServer::asked() const {
  const std::lock_guard guard(mutex_);
  return asked_;
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++connections_;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard guard(mutex_);
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

// Before its answer, so that whoever has the answer finds the question.
std::size_t ScriptedServer::remember(const Asked& asked) {
  const std::lock_guard guard(mutex_);
  asked_.push_back(asked);
  return asked_.size() - 1;
}

void ScriptedServer::serve(int socket) {
  std::string unread;
  Answer answer(socket);
  while (!answer.closed() && !stopping_) {
    const std::size_t end = unread.find("\r\n\r\n");
    if (end == std::string::npos) {
      char buffer[8192];
      const ssize_t came = ::recv(socket, buffer, sizeof buffer, 0);
      if (came <= 0) break;
      unread.append(buffer, static_cast<std::size_t>(came));
      continue;
    }
    Asked asked;
    asked.head = unread.substr(0, end + 4);
    unread.erase(0, end + 4);
    const std::size_t blank = asked.head.find(' ') + 1;
    asked.target = asked.head.substr(blank, asked.head.find(' ', blank) - blank);
    if (const std::size_t host = asked.head.find("Host: "); host != std::string::npos) {
      asked.host = asked.head.substr(host + 6, asked.head.find_first_of(":\r", host + 6) - host - 6);
    }
    asked.begin = asked.end = Clock::now();
    const std::size_t mine = remember(asked);
    script_(asked, answer);
    const std::lock_guard guard(mutex_);
    asked_[mine].end = std::max(asked.begin, answer.last_sent());
  }
  const std::lock_guard guard(mutex_);
  open_.remove(socket);
  ::close(socket);
}

}  // namespace crawler::testing
