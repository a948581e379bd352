// Whether a text is an endpoint of ours. ZeroMQ would take tcp://127.0.0.1:99999 and use the port modulo
// 65536.
#pragma once

#include <string>

#include "shared/base/error.h"

namespace joinery::transport {

// To connect to: "tcp://HOST:PORT", "ipc://PATH". Error: invalid_argument, with what is wrong.
Result<> check_remote(const std::string& endpoint);
// To listen on: also "tcp://*:PORT", and 0 or * as the port: any that is free.
Result<> check_local(const std::string& endpoint);

}  // namespace joinery::transport
