#include "producer/cli/bench/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "producer/cli/bench/failed.h"
#include "producer/cli/bench/latencies.h"
#include "shared/base/unique_fd.h"

namespace joinery::cli::bench {
namespace {

constexpr std::size_t megabyte = 1'000'000;

[[noreturn]] void broken(const std::string& what) {
  const int reason = errno;
  const bool full = reason == ENOSPC || reason == EDQUOT;
  throw Failed(full ? ExitCode::disk_full : ExitCode::io_error,
               {full ? Code::disk_full : Code::io_error,
                fmt::format("{}the machine cannot be measured: {}: {}", full ? "--dir: " : "", what,
                            std::strerror(reason)),
                {}});
}

// A file that has no name any more, with its space.
unique_fd scratch_file(const std::string& dir, std::size_t size) {
  std::string path = dir + "/joinery-bench-XXXXXX";
  unique_fd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) broken("--dir: " + path);
  ::unlink(path.c_str());
  if (::fallocate(file.get(), 0, 0, static_cast<off_t>(size)) != 0 && errno == ENOSPC) broken(path);
  return file;
}

void write_all(int fd, const std::vector<char>& block, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote = ::write(fd, block.data(), std::min(block.size(), size - done));
    if (wrote < 0) broken("write");
    done += static_cast<std::size_t>(wrote);
  }
}

void measure_sync(const std::string& dir, Machine& machine) {
  Syncs syncs(dir);
  for (int i = 0; i < 400; ++i) syncs.once();
  machine.fdatasync_us = syncs.taken().at(0.5);
  machine.fdatasync_p99_us = syncs.taken().at(0.99);
}

double loopback_speed() {
  constexpr std::size_t size = 300 * megabyte;
  const unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic, &length) != 0)
    broken("loopback");
  const unique_fd sender(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(sender.get(), generic, length) != 0) broken("loopback");
  const unique_fd receiver(::accept(listener.get(), nullptr, nullptr));
  const auto begin = Clock::now();
  const std::jthread sending([&] { write_all(sender.get(), std::vector<char>(megabyte, 'x'), size); });
  std::vector<char> block(megabyte);
  for (std::size_t got = 0; got < size;) {
    const ssize_t more = ::read(receiver.get(), block.data(), block.size());
    if (more <= 0) broken("loopback");
    got += static_cast<std::size_t>(more);
  }
  return static_cast<double>(size) / seconds_since(begin);
}

// Sends back what comes, until an empty message.
void echo(void* router) {
  char address[64];
  char text[64];
  for (;;) {
    const int named = zmq_recv(router, address, sizeof address, 0);
    const int size = zmq_recv(router, text, sizeof text, 0);
    if (size <= 0) return;
    zmq_send(router, address, static_cast<std::size_t>(named), ZMQ_SNDMORE);
    zmq_send(router, text, static_cast<std::size_t>(size), 0);
  }
}

// Each side has a context, and so an I/O thread, of its own, as two programs have.
double round_trip(const std::string& dir) {
  constexpr int times = 2000;
  const std::string endpoint = fmt::format("ipc://{}/joinery-bench-{}", dir, ::getpid());
  void* contexts[] = {zmq_ctx_new(), zmq_ctx_new()};
  void* router = zmq_socket(contexts[0], ZMQ_ROUTER);
  void* dealer = zmq_socket(contexts[1], ZMQ_DEALER);
  if (zmq_bind(router, endpoint.c_str()) != 0 || zmq_connect(dealer, endpoint.c_str()) != 0) broken("ZeroMQ");
  Latencies taken;
  {
    const std::jthread other([router] { echo(router); });
    char text[64] = "a small message";
    for (int i = 0; i < times; ++i) {
      const auto begin = Clock::now();
      zmq_send(dealer, text, sizeof text, 0);
      zmq_recv(dealer, text, sizeof text, 0);
      taken.add(Clock::now() - begin);
    }
    zmq_send(dealer, "", 0, 0);
  }
  zmq_close(dealer);
  zmq_close(router);
  for (void* context : contexts) zmq_ctx_term(context);
  ::unlink(endpoint.c_str() + std::strlen("ipc://"));
  return taken.at(0.5);
}

}  // namespace

Syncs::Syncs(const std::string& dir) : file_(scratch_file(dir, size)) {
  write_all(file_.get(), std::vector<char>(size, 'x'), size);
  if (::fsync(file_.get()) != 0) broken("fsync");
}

void Syncs::once() {
  const std::vector<char> record(record_size, 'y');
  const auto begin = Clock::now();
  if (::pwrite(file_.get(), record.data(), record.size(), static_cast<off_t>(at_)) < 0) broken("pwrite");
  if (::fdatasync(file_.get()) != 0) broken("fdatasync");
  taken_.add(Clock::now() - begin);
  at_ = (at_ + record_size) % size;
}

double disk_speed(const std::string& dir) {
  constexpr std::size_t size = 128 * megabyte;
  const std::vector<char> block(megabyte, 'x');
  const unique_fd file = scratch_file(dir, size);
  const auto begin = Clock::now();
  write_all(file.get(), block, size);
  if (::fdatasync(file.get()) != 0) broken("fdatasync");
  return static_cast<double>(size) / seconds_since(begin);
}

Machine measure_machine(const std::string& dir) {
  Machine machine;
  measure_sync(dir, machine);
  machine.disk_bytes_per_s = disk_speed(dir);
  machine.loopback_bytes_per_s = loopback_speed();
  machine.round_trip_us = round_trip(dir);
  return machine;
}

}  // namespace joinery::cli::bench
