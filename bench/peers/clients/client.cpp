// The part of client.h that every peer uses: sockets, threads and the clock.
#include "bench/peers/clients/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace joinery::bench {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20;

int connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("path of the socket is too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(fmt::format("cannot connect to {}: {}", path, std::strerror(errno)));
  return fd;
}

int connect_tcp(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
    throw std::runtime_error(fmt::format("{}:{}: {}", host, port, ::gai_strerror(error)));
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int result = ::connect(fd, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  if (result != 0)
    throw std::runtime_error(fmt::format("cannot connect to {}:{}: {}", host, port, std::strerror(errno)));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int connect_to(const std::string& endpoint) {
  if (endpoint.starts_with('/')) return connect_unix(endpoint);
  const auto colon = endpoint.rfind(':');
  if (colon == std::string::npos) unexpected("--endpoint /PATH or HOST:PORT", endpoint);
  return connect_tcp(endpoint.substr(0, colon), endpoint.substr(colon + 1));
}

Options parse(const Client& client, int argc, char** argv) {
  Options options;
  CLI::App app(fmt::format("Puts jobs to {} and finishes them", client.name));
  app.add_option("--endpoint", options.endpoint, "/PATH or HOST:PORT")->required();
  app.add_option("--jobs", options.jobs, "jobs in all")->capture_default_str();
  app.add_option("--payload", options.payload, "bytes per job")->capture_default_str();
  app.add_option("--batch", options.batch, "jobs per write and request")->capture_default_str();
  app.add_option("--window", options.window, "unconfirmed at most")->capture_default_str();
  app.add_option("--connections", options.connections, "for putting, and as many for taking")
      ->capture_default_str();
  app.add_option("--flavour", options.flavour, "kind of queue, if there are several");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (options.batch == 0 || options.window < options.batch) unexpected("0 < --batch <= --window", "less");
  return options;
}

struct Role {
  std::unique_ptr<Connection> connection;
  std::function<void(Connection&, const Options&)> play;
  Options share;
};

std::unique_ptr<Connection> open(const Client& client, const Options& options) {
  auto connection = std::make_unique<Connection>(options.endpoint);
  if (client.open) client.open(*connection);
  return connection;
}

// Ends the process at once: the other threads may wait for answers that will not come.
[[noreturn]] void fail(const Client& client, const std::exception& error) {
  fmt::print(stderr, "{}: {}\n", client.name, error.what());
  std::fflush(stderr);
  std::_Exit(1);
}

void play(const Client& client, Role& role) try {
  role.play(*role.connection, role.share);
  role.connection.reset();  // what was delivered and is nobody's share goes back to the queue
} catch (const std::exception& error) {
  fail(client, error);
}

}  // namespace

Connection::Connection(const std::string& endpoint) : fd_(connect_to(endpoint)), in_(buffer_size, 0) {}
Connection::~Connection() { ::close(fd_); }

void Connection::flush() {
  for (std::size_t done = 0; done < out_.size();) {
    const ssize_t sent = ::send(fd_, out_.data() + done, out_.size() - done, MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error(fmt::format("send: {}", std::strerror(errno)));
    done += static_cast<std::size_t>(sent);
  }
  out_.clear();
}

void Connection::fill() {
  if (!out_.empty()) flush();
  if (begin_ != 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == in_.size()) in_.resize(2 * in_.size());
  const ssize_t got = ::recv(fd_, in_.data() + end_, in_.size() - end_, 0);
  if (got <= 0)
    throw std::runtime_error(got == 0 ? "the server closed the connection" : std::strerror(errno));
  end_ += static_cast<std::size_t>(got);
}

std::string_view Connection::line() {
  for (std::size_t seen = 0;;) {
    const std::string_view rest(in_.data() + begin_, end_ - begin_);
    if (const auto found = rest.find("\r\n", seen); found != std::string_view::npos) {
      begin_ += found + 2;
      return rest.substr(0, found);
    }
    seen = rest.empty() ? 0 : rest.size() - 1;
    fill();
  }
}

std::string_view Connection::take(std::size_t size) {
  while (end_ - begin_ < size) fill();
  begin_ += size;
  return {in_.data() + begin_ - size, size};
}

int run(const Client& client, int argc, char** argv) try {
  const Options options = parse(client, argc, argv);
  std::vector<Role> roles;
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    Options share = options;
    share.jobs = options.jobs * (i + 1) / options.connections - options.jobs * i / options.connections;
    roles.push_back({open(client, options), client.produce, share});
    roles.push_back({open(client, options), client.consume, share});
  }
  if (client.prepare) client.prepare(*roles.front().connection, options);
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (Role& role : roles) threads.emplace_back([&] { play(client, role); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"jobs\":{},\"seconds\":{:.6f}}}\n", options.jobs, seconds);
  return 0;
} catch (const std::exception& error) {
  fail(client, error);
}

void unexpected(std::string_view expected, std::string_view got) {
  throw std::runtime_error(fmt::format("expected {}, got {}", expected, got.substr(0, 200)));
}

void put_all(Connection& server, const Options& options, std::string_view put,
             const std::function<void(std::uint64_t)>& confirm) {
  const std::string all = repeat(put, options.batch);
  std::uint64_t sent = 0;
  for (std::uint64_t confirmed = 0; confirmed < options.jobs;) {
    while (sent < options.jobs && sent - confirmed + options.batch <= options.window) {
      const std::uint64_t count = std::min<std::uint64_t>(options.batch, options.jobs - sent);
      server.write(std::string_view(all).substr(0, count * put.size()));
      sent += count;
    }
    const std::uint64_t count = std::min<std::uint64_t>(options.batch, sent - confirmed);
    confirm(count);
    confirmed += count;
  }
}

std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) unexpected("a number", digits);
  return value;
}

std::string repeat(std::string_view text, std::uint64_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::uint64_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace joinery::bench
