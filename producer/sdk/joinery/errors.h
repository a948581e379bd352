// The exceptions of queues, connections and processes, by the names that Python gives them: beside those of
// shared/base/exceptions.h. What the broker or the connection to it says is ClientError
// (<joinery/client.h>).
#pragma once

#include <string>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/exceptions.h"

namespace joinery {

// A put found no room in time.
class Full : public Exception {
 public:
  explicit Full(std::string message) : Exception(Code::queue_full, std::move(message)) {}
};

// A get found no item in time.
class Empty : public Exception {
 public:
  explicit Empty(std::string message) : Exception(Code::timed_out, std::move(message)) {}
};

// What the operating system refused: `number` is errno's.
class OSError : public Exception {
 public:
  OSError(int number, const std::string& what);
  int number() const { return number_; }

 private:
  int number_;
};

// The other side has closed, and nobody will read what was to be sent.
class BrokenPipe : public OSError {
 public:
  explicit BrokenPipe(const std::string& what);
};

// The other side has closed, and nothing is left to be received.
class EOFError : public Exception {
 public:
  explicit EOFError(std::string message) : Exception(Code::closed, std::move(message)) {}
};

// The caller's buffer is too small for the message, which is attached.
class BufferTooShort : public Exception {
 public:
  BufferTooShort(std::string what, Buffer message)
      : Exception(Code::payload_too_large, std::move(what)), message_(std::move(message)) {}
  const Buffer& message() const { return message_; }

 private:
  Buffer message_;
};

}  // namespace joinery
