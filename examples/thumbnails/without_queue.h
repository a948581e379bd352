// The same work without a queue, to measure what the queue costs.
#pragma once

#include <cstddef>
#include <vector>

#include "thumbnail.h"

namespace thumbnails {

// Each of the processes makes every nth thumbnail. Returns how many images were broken.
std::size_t make_without_queue(const std::vector<Order>& orders, unsigned processes);

}  // namespace thumbnails
