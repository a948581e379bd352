// Views and buffers of raw bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace joinery {

// A read-only view of bytes; the owner must outlive it. Bytes are carried in chars throughout, as msgpack,
// ZeroMQ and hiredis do.
using Bytes = std::string_view;
// An owned, growing buffer of bytes.
using Buffer = std::string;

}  // namespace joinery
