// A real HTTP server: nginx, with a part of its configuration that the test writes.
#pragma once

#include <memory>
#include <string>

#include "tests/support/process.h"

namespace joinery::testing {

class Nginx {
 public:
  // Whether this machine has one.
  static bool installed();

  // `listen`: what stands behind the address ("ssl http2"); `server`: what else is in server { }.
  Nginx(const std::string& listen, const std::string& server);

  int port() const { return port_; }

 private:
  bool start(const std::string& listen, const std::string& server);

  TempDir dir_;
  std::unique_ptr<Process> process_;
  int port_ = 0;
};

}  // namespace joinery::testing
