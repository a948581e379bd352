// What a Dealer is, once it is known where it connects to: over ZeroMQ to another host, or by itself on this
// one.
#pragma once

#include "shared/transport/transport.h"

namespace joinery::transport {

// As Dealer's own.
class DealerEnd {
 public:
  virtual ~DealerEnd() = default;
  virtual bool receive(Buffer& frame) = 0;
  virtual Sent send(Bytes frame) = 0;
  virtual void changes(std::vector<int>& events) = 0;
  virtual std::vector<int> descriptors() const = 0;
};

// A quarter more or less, so that a fleet does not come back to its broker in one moment.
Duration jittered(Duration interval);

// REQUIRES: check_remote(endpoint).
Result<std::unique_ptr<DealerEnd>> connect_remote(void* context, const Dealer::Options& options,
                                                  const std::string& endpoint);
std::unique_ptr<DealerEnd> connect_here(const Dealer::Options& options, const std::string& endpoint);

}  // namespace joinery::transport
