// Fields that several changes share <-> bytes: a part of change_codec.cpp.
#pragma once

#include <string>
#include <vector>

#include "broker/core/change.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {

inline std::int64_t micros(Wall time) { return time.time_since_epoch().count(); }
inline Wall wall(std::int64_t value) { return Wall{Duration{value}}; }

void write(FieldWriter& out, const SessionId& session);
SessionId read_session(FieldReader& in);
void write(FieldWriter& out, const Token& token);
Token read_token(FieldReader& in);
void write(FieldWriter& out, const Failure& failure);
Failure read_failure(FieldReader& in);
Code read_code(FieldReader& in);
void write(FieldWriter& out, const std::vector<Run>& runs);
void read_runs(FieldReader& in, std::vector<Run>& runs);
void write(FieldWriter& out, const Backoff& backoff);
void read(FieldReader& in, Backoff& backoff);
void write(FieldWriter& out, const std::vector<std::string>& texts);
void read(FieldReader& in, std::vector<std::string>& texts);
void write(FieldWriter& out, const SpecDefaults& defaults);
void read(FieldReader& in, SpecDefaults& defaults);

}  // namespace joinery::broker::journal
