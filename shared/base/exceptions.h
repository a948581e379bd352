// What the SDK throws, under the names that Python's programs catch: one base with the code of the error
// table, and a class for each mistake that a program tells apart.
#pragma once

#include <stdexcept>
#include <utility>

#include "shared/base/error.h"

namespace joinery {

class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  Exception(Code code, std::string message) : Exception(Error{code, std::move(message), {}}) {}
  Code code() const { return error_.code; }
  const Error& error() const { return error_; }

 private:
  Error error_;
};

// An argument that is not allowed; a lock or task that is given back more often than it was taken.
class ValueError : public Exception {
 public:
  explicit ValueError(std::string message) : Exception(Code::invalid_argument, std::move(message)) {}
};

// What is stored or was sent has another type than the program expects: both are named.
class TypeError : public Exception {
 public:
  explicit TypeError(std::string message) : Exception(Code::wrong_type, std::move(message)) {}
};

// No such key, or no such index.
class LookupError : public Exception {
 public:
  explicit LookupError(std::string message) : Exception(Code::invalid_argument, std::move(message)) {}
};
class KeyError : public LookupError {
 public:
  using LookupError::LookupError;
};
class IndexError : public LookupError {
 public:
  using LookupError::LookupError;
};

class TimeoutError : public Exception {
 public:
  explicit TimeoutError(std::string message) : Exception(Code::timed_out, std::move(message)) {}
};

// A write whose fence is smaller than one that was seen: its writer does not hold the lock any more.
class StaleFence : public Exception {
 public:
  explicit StaleFence(std::string message) : Exception(Code::stale_delivery, std::move(message)) {}
};

}  // namespace joinery
