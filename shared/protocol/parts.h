// The pieces that several messages are made of, of the wire and of pool processes: tokens, failures, groups,
// specs and columns. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "shared/job/job.h"
#include "shared/job/limit.h"
#include "shared/protocol/codec.h"
#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"

namespace joinery::protocol {

void put(Writer& out, const Token& token);
Token token(Reader& in, const char* field);

void put(Writer& out, const std::vector<Token>& tokens);
void tokens(Reader& in, const char* field, std::vector<Token>& out);

void put(Writer& out, const std::vector<JobId>& jobs);
void job_ids(Reader& in, const char* field, std::vector<JobId>& out);

void put(Writer& out, const std::vector<std::string>& texts);
void texts(Reader& in, const char* field, std::vector<std::string>& out);

// nil for a failure that says nothing.
void put(Writer& out, const Failure& failure);
Failure failure(Reader& in, const char* field);

void put(Writer& out, const Group& group);
void put(Writer& out, const std::vector<Group>& groups);
// Checks names, column lengths, and that there is a payload and none is above payload_max. Reuses the memory
// of `out`.
void group(Reader& in, std::size_t payload_max, RawGroup& out);
void groups(Reader& in, std::size_t payload_max, std::vector<Group>& out);

// Two elements: the key, and a map of what is asked for.
void put(Writer& out, const KeyHold& hold);
KeyHold key_hold(Reader& in);

Code code(Reader& in, const char* field);

// For the members of a map whose keys are all known: refuses the key that is left over.
void unknown_key(Reader& in, const char* map, Bytes key);

}  // namespace joinery::protocol
