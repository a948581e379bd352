// The change that brings jobs <-> bytes, in columns: a part of change_codec.cpp.
#pragma once

#include "broker/core/change.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {

constexpr std::size_t jobs_per_put_max = std::size_t{1} << 20U;

void write(FieldWriter& out, const change::Put& put);
// The views of the Put are into the vectors given.
void read(FieldReader& in, change::Put& put, std::vector<std::uint32_t>& sizes, std::vector<Wall>& due,
          Columns& columns);

}  // namespace joinery::broker::journal
