#include "nginx.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "shared/base/unique_fd.h"

namespace joinery::testing {
namespace {

constexpr const char* program_path = "/usr/sbin/nginx";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

bool answers(int port) {
  const unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

bool Nginx::installed() { return std::filesystem::exists(program_path); }

Nginx::Nginx(const std::string& listen, const std::string& server) {
  // Somebody else may take the port before nginx does.
  for (int tries = 0; tries < 10; ++tries) {
    if (start(listen, server)) return;
  }
  throw std::runtime_error("nginx does not start: " + process_->err());
}

// One process, so that it dies with the test.
bool Nginx::start(const std::string& listen, const std::string& server) {
  port_ = free_port();
  const std::string file = dir_ / "nginx.conf";
  std::ofstream(file) << "daemon off; master_process off; pid " << dir_ / "pid"
                      << "; error_log stderr;\n"
                      << (geteuid() == 0 ? "user root;\n" : "") << "events { worker_connections 512; }\n"
                      << "http { access_log off; types { text/html html; text/css css; image/png png; }\n"
                      << "server { listen 127.0.0.1:" << port_ << " " << listen << ";\n"
                      << server << "\n} }\n";
  process_ = std::make_unique<Process>(std::vector<std::string>{program_path, "-c", file, "-p", dir_.path()});
  eventually([&] { return answers(port_) || !process_->running(); });
  return process_->running();
}

}  // namespace joinery::testing
