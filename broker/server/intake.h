// Frames to commands: who sends it, what it says, one command. Trusts nothing that comes in; what it cannot
// understand costs its sender an error answer, and nobody else anything.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "broker/core/core.h"
#include "broker/server/follow.h"
#include "broker/server/outgoing.h"
#include "broker/server/progress.h"
#include "broker/server/sessions.h"
#include "broker/server/specs.h"
#include "broker/server/transactor.h"
#include "broker/server/verbs.h"
#include "shared/protocol/codec.h"
#include "shared/transport/transport.h"

namespace joinery::broker::server {

class Intake {
 public:
  struct Parts {
    Core& core;
    Transactor& transactor;
    Sessions& sessions;
    SpecBook& specs;
    ProgressBook& progress;
    FollowBook& follows;
    Verbs& verbs;
    std::size_t payload_max = limits::payload_max_default;
  };
  explicit Intake(const Parts& parts) : parts_(parts) {}

  void frame(const transport::Address& from, transport::ConnectionNumber connection, Bytes frame);
  // Tells the core of the sessions that were lost, and of workers that do not read.
  void settle_sessions();

 private:
  void hello(const transport::Address& from, transport::ConnectionNumber connection, Bytes frame);
  void of_session(Session& session, protocol::Type type, Bytes frame);
  void submit(Session& session, Bytes frame);
  void finish(Session& session, Bytes frame);
  void other(Session& session, Bytes frame);

  void message(Session& session, protocol::Capacity& capacity);
  void message(Session& session, protocol::Progress& progress);
  void message(Session& session, protocol::Hold& hold);
  void message(Session& session, protocol::Log& log);
  void note_ends();
  std::int64_t now_ms() const;
  void message(Session& session, protocol::Join& join);
  void message(Session& session, protocol::Watch& watch);
  void message(Session& session, protocol::Forget& forget);
  void message(Session& session, protocol::Request& request);
  void message(Session& session, protocol::Heartbeat& heartbeat);
  void message(Session& session, protocol::Goodbye& goodbye);
  template <typename Unexpected>
  void message(Session& session, Unexpected& unexpected);

  void add_group(std::string_view queue, SpecId spec, BatchId batch, JobId parent,
                 std::span<const std::uint32_t> sizes, const Columns* columns,
                 std::span<const Bytes> payloads);
  void clear_groups();
  void add_children(const Report& report);

  bool is_worker(Session& session, const char* what);
  void refuse(Session& session, std::uint64_t sequence, Error error);
  void refuse(const transport::Address& to, Error error);
  void garbage(const transport::Address& from, transport::ConnectionNumber connection, Error error);

  Parts parts_;
  // Memory that is used again from frame to frame.
  protocol::RawSubmit submit_;
  protocol::Finish finish_;
  std::vector<PutGroup> groups_;
  std::vector<std::span<const Bytes>> payloads_;
  std::vector<std::vector<std::uint32_t>> sizes_;
  std::vector<Run> runs_;
  std::vector<CoreReport> reports_;
  std::vector<SessionId> lost_;
  std::vector<SessionId> choked_;
  Buffer answer_;
  transport::ConnectionNumber connection_ = -1;  // of the frame in hand
};

}  // namespace joinery::broker::server
