// The changes of schedules <-> bytes: a part of change_codec.cpp.
#pragma once

#include "broker/core/change.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {

void write(FieldWriter& out, const change::SetSchedule& set);
void read(FieldReader& in, change::SetSchedule& set);
void write(FieldWriter& out, const change::Fired& fired);
void read(FieldReader& in, change::Fired& fired);

}  // namespace joinery::broker::journal
