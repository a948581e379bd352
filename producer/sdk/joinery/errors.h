// The exceptions of the facades, by the names that Python gives them. What the broker or the connection to it
// says is ClientError (<joinery/client.h>).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "shared/base/bytes.h"

namespace joinery {

// An argument that cannot be, or an object that was closed.
class ValueError : public std::invalid_argument {
 public:
  using invalid_argument::invalid_argument;
};

// A value of another type came than was expected; the message names both.
class TypeError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// A put found no room, or a get no item, in time.
class Full : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};
class Empty : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// What the operating system refused.
class OSError : public std::runtime_error {
 public:
  OSError(int number, const std::string& what);
  int number() const { return number_; }  // errno

 private:
  int number_;
};
// The object was closed on this side.
class Closed : public OSError {
 public:
  explicit Closed(const std::string& what);
};
// The other side has closed, and nobody will read what was to be sent.
class BrokenPipe : public OSError {
 public:
  explicit BrokenPipe(const std::string& what);
};
// The other side has closed, and nothing is left to be received.
class EOFError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};
// The caller's buffer is too small for the message, which is attached.
class BufferTooShort : public std::runtime_error {
 public:
  BufferTooShort(const std::string& what, Buffer message)
      : runtime_error(what), message_(std::move(message)) {}
  const Buffer& message() const { return message_; }

 private:
  Buffer message_;
};
// The other side does not have the same key.
class AuthenticationError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

}  // namespace joinery
