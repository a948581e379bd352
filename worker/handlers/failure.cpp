#include "worker/handlers/failure.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "worker/handlers/registry.h"

namespace joinery::handlers {
namespace {

std::string current_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type ? demangled(*type) : "unknown";
}

// The message with those of the exceptions nested in it (std::throw_with_nested).
std::string message_of(const std::exception& error) {
  std::string message = error.what();
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& inner) {
    message += ": " + message_of(inner);
  } catch (...) {
    message += ": " + current_type();
  }
  return message;
}

Described described(Code code, std::string message, bool retry) {
  Failure failure;
  failure.code = code;
  failure.type = current_type();
  failure.message = std::move(message);
  return {std::move(failure), retry, {}};
}

}  // namespace

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type.name();
}

Described describe_current_exception() {
  try {
    throw;
  } catch (const FailedWith& error) {
    return {error.failure(), error.retry(), error.value()};
  } catch (const Reject& error) {
    return described(Code::handler_error, message_of(error), false);
  } catch (const MalformedPayload& error) {
    return described(Code::malformed_payload, message_of(error), false);
  } catch (const UnencodableResult& error) {
    return described(Code::unencodable_result, message_of(error), false);
  } catch (const std::exception& error) {
    return described(Code::handler_error, message_of(error), true);
  } catch (const std::string& text) {
    return described(Code::handler_error, text, true);
  } catch (const char* text) {
    return described(Code::handler_error, text ? text : "", true);
  } catch (...) {
    return described(Code::handler_error, "not a std::exception", true);
  }
}

}  // namespace joinery::handlers
