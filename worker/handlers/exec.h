// The handler "exec": a command per job.
//
// Payload: msgpack map {"argv": [str...], "stdin"?: bin, "env"?: {str: str}, "cwd"?: str}.
// Result: msgpack map {"status": int, "stdout": bin, "stderr": bin, "truncated": bool}.
// Exit status 0 succeeds; another one fails the attempt (type "exit status", message "3: <last line of
// stderr>"), as does a signal (type "signal"). A command that does not exist fails the job for good.
#pragma once

#include "worker/handlers/registry.h"

namespace joinery::handlers {

constexpr std::size_t exec_output_max_default = 1U << 20U;  // of stdout, and of stderr, in bytes

Handler exec(std::size_t output_max = exec_output_max_default);

}  // namespace joinery::handlers
