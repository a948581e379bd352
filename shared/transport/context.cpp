// The context of all sockets of a program, and its I/O thread.
#include <zmq.h>

#include <cerrno>

#include "shared/base/check.h"
#include "shared/transport/transport.h"

namespace joinery::transport {

struct Context::Impl {
  void* handle = zmq_ctx_new();
};

Context::Context(int io_threads) : impl_(std::make_unique<Impl>()) {
  JOINERY_CHECK(impl_->handle);
  JOINERY_CHECK(zmq_ctx_set(impl_->handle, ZMQ_IO_THREADS, io_threads) == 0);
}

Context::~Context() {
  while (zmq_ctx_term(impl_->handle) != 0 && errno == EINTR) {
  }
}

void* Context::handle() const { return impl_->handle; }

}  // namespace joinery::transport
