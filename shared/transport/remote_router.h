// The broker's end for peers of other hosts: a ROUTER of ZeroMQ, whose thread moves the bytes.
#pragma once

#include <memory>

#include "shared/transport/transport.h"

namespace joinery::transport {

class RemoteRouter {
 public:
  // `last_connection`: the newest number that was given to a connection.
  RemoteRouter(void* context, const Router::Options& options, ConnectionNumber& last_connection);
  ~RemoteRouter();

  // False: zmq_errno() tells why.
  bool bind(const std::string& endpoint);
  std::string last_endpoint() const;
  // As Router's.
  bool receive(Address& from, Buffer& frame, ConnectionNumber& connection);
  Sent send(const Address& to, Bytes frame);
  void lost(std::vector<ConnectionNumber>& connections);
  std::vector<int> descriptors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::transport
