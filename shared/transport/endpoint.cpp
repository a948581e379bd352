#include "shared/transport/endpoint.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>
#include <cstdint>
#include <string_view>

namespace joinery::transport {
namespace {

constexpr std::size_t path_max = sizeof(sockaddr_un::sun_path) - 1;

Result<> refuse(const std::string& endpoint, std::string_view why) {
  return fail(Code::invalid_argument, fmt::format("\"{}\" is no endpoint: {}", endpoint, why), "endpoint");
}

bool is_port(std::string_view text, std::uint32_t least) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= least && number <= 65'535;
}

Result<> check(const std::string& endpoint, bool local) {
  const std::string_view text = endpoint;
  if (text.starts_with("ipc://")) {
    const std::size_t size = text.size() - 6;
    if (size >= 1 && size <= path_max) return {};
    return refuse(endpoint, fmt::format("its path has {} bytes, expected 1 to {}", size, path_max));
  }
  const std::string_view expected = local ? "expected tcp://ADDRESS:PORT, tcp://*:PORT or ipc://PATH"
                                          : "expected tcp://HOST:PORT or ipc://PATH";
  if (!text.starts_with("tcp://")) return refuse(endpoint, expected);
  const std::size_t colon = text.rfind(':');
  if (colon <= 6) return refuse(endpoint, expected);  // that of "tcp:", or no host
  const std::string_view port = text.substr(colon + 1);
  if (is_port(port, local ? 0 : 1) || (local && port == "*")) return {};
  return refuse(endpoint, fmt::format("its port is \"{}\", expected a number from 1 to 65535", port));
}

}  // namespace

Result<> check_remote(const std::string& endpoint) { return check(endpoint, false); }
Result<> check_local(const std::string& endpoint) { return check(endpoint, true); }

}  // namespace joinery::transport
