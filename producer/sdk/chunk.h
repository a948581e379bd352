// Many items of a map as one job: handler "NAME#map", which every task of a Program has.
//
//   payload: array of argument arrays
//   result:  [number that failed, [item...]]; item: what the task returned (bin), or [code, type, message,
//            where] of the one that failed
//
// So an item that throws, or whose result cannot be packed, is an error of that item alone.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "joinery/answer.h"
#include "worker/handlers/registry.h"

namespace joinery::sdk {

std::string chunk_handler(const std::string& task);
// The handler that runs `one` for each item.
handlers::Handler over_items(handlers::Handler one);

// The payload of a chunk of packed items, and the items of a payload.
Buffer join_items(std::span<const Buffer> items);
std::vector<Buffer> split_items(Bytes payload);

// The answer of a chunk from those of its items, each run as a chunk of one.
Answer join_answers(const std::vector<Answer>& answers);

void become_callback_thread();

}  // namespace joinery::sdk
