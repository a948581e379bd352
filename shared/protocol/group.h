// One group of jobs by itself, as a schedule keeps what it submits.
#pragma once

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/job/job.h"
#include "shared/protocol/codec.h"

namespace joinery::protocol {

// Appends its encoding to `out`.
void encode_group(const Group& group, Buffer& out);
// Checks what decode_submit checks of a group; the spec stays raw. Views in `out` point into `raw`.
Result<> decode_group(Bytes raw, std::size_t payload_max, RawGroup& out);

}  // namespace joinery::protocol
