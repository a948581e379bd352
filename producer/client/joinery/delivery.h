// A job as a consumer is handed it.
#pragma once

#include <memory>

#include "shared/base/bytes.h"
#include "shared/job/job.h"

namespace joinery::client {

struct Delivery {
  Token token;
  Bytes payload;  // in *frame
  std::shared_ptr<const Buffer> frame;
};

}  // namespace joinery::client
