// One image made small, by libvips.
#pragma once

#include <string>

#include "shared/protocol/pack.h"

namespace thumbnails {

struct Order {
  std::string from;
  std::string to;  // its directory exists; the ending says the format
  int size = 0;    // most pixels of width and of height; smaller images stay as large as they are
  MSGPACK_DEFINE(from, to, size)
};

// Starts libvips, for one image at a time in this process: there is one process for each core.
void prepare();

// Writes the thumbnail; whoever looks sees all of it or nothing, and doing it again does no harm. Throws
// std::runtime_error with what libvips says of an image that it cannot read to its end.
void make(const Order& order);

}  // namespace thumbnails
