// The file that says up to where the log is known to be there, so that the loss of its tail is found out.
#pragma once

#include <optional>

#include "broker/journal/format.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

constexpr const char* mark_name = "mark";
constexpr std::size_t mark_size = 40;

Buffer encode_mark(const Format& format, Position position);
// None if there is no such file. Error: journal_corrupt, or unsupported_format.
Result<std::optional<Position>> read_mark(Directory& directory, const Format& format, bool there);
// The log must be synced up to `position`, and each segment have its whole size. A crash leaves this mark or
// the one before.
Result<> write_mark(Directory& directory, const Format& format, Position position);

}  // namespace joinery::broker::journal
