// Who is connected: the sessions of clients, workers and tools, the addresses at which they are now, and the
// frames that their connections could not take yet. Decides nothing about jobs.
//
// Life of a session: bind() at its hello, again at each further hello from wherever it is; lost() when its
// connection breaks or it does not read; remove() when the core has forgotten it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/command.h"
#include "broker/journal/journal.h"
#include "broker/server/specs.h"
#include "shared/transport/transport.h"

namespace joinery::broker::server {

struct Session {
  SessionId id;
  Role role = Role::producer;
  transport::Address address;
  transport::ConnectionNumber connection = -1;
  bool connected = false;
  // Grows with each hello and each loss: deliveries decided for an earlier connection are not sent on a later
  // one, because the hello already told the core that they never arrived.
  std::uint32_t generation = 0;
  Position dispatch_need = 0;  // of its latest dispatch: a revoke must not overtake it
  std::uint32_t capacity = 0;  // as the worker last told it
  bool choked = false;         // its outbox is long: the core gives it nothing for now

  std::deque<Buffer> outbox;
  std::size_t outbox_bytes = 0;
};

class Sessions {
 public:
  struct Limits {
    std::size_t outbox_frames = 4096;
    std::size_t outbox_bytes = 64U << 20U;
    std::size_t choke_frames = 64;  // a worker that has so many to read gets no further deliveries
  };
  Sessions(transport::Router& router, Limits limits) : router_(router), limits_(limits) {}

  Session* at(const transport::Address& address);
  Session* find(SessionId id);
  // The session lives at this address from now on. Whoever else lived there is lost.
  Session& bind(SessionId id, Role role, const transport::Address& address,
                transport::ConnectionNumber connection);
  void remove(SessionId id);
  void lose(Session& session);

  // Sends, or keeps the frame until the peer reads again. A peer that reads nothing for too long is lost.
  void send(Session& session, Bytes frame);
  // To a peer without a session. Not kept.
  void send_to(const transport::Address& address, Bytes frame);
  // To all who are connected. Not kept.
  void send_to_all(Bytes frame);
  // Tries again what is kept. Whether anything is still kept.
  bool flush();

  // Sessions whose connection broke are lost.
  void collect_lost();
  // Takes the sessions that were lost since the last call, for the core to be told. To be called before a
  // hello is told to it.
  void take_lost(std::vector<SessionId>& lost);
  // Workers that became choked, or are not any more.
  void take_choked(std::vector<SessionId>& changed);
  // Whether one of these two has something.
  bool unsettled() const { return !lost_.empty() || !choked_.empty(); }

  // Counts a frame that could not be understood. False once the connection has sent so many that it is not
  // worth an answer.
  bool tolerate_garbage(transport::ConnectionNumber connection);
  bool ignored(transport::ConnectionNumber connection) const;

  std::size_t connected(Role role) const;
  std::uint64_t frames_out() const { return frames_out_; }

 private:
  struct IdHash {
    std::size_t operator()(SessionId id) const { return id.high ^ (id.low * 0x9E3779B97F4A7C15ULL); }
  };
  static constexpr unsigned garbage_tolerated = 8;

  void keep(Session& session, Bytes frame);
  void choke(Session& session, bool choked);

  transport::Router& router_;
  Limits limits_;
  std::unordered_map<SessionId, Session, IdHash> by_id_;
  std::unordered_map<std::string, Session*, BytesHash, std::equal_to<>> by_address_;
  std::unordered_map<transport::ConnectionNumber, Session*> by_connection_;
  std::unordered_map<transport::ConnectionNumber, unsigned> garbage_;
  std::vector<Session*> backlogged_;  // with something in the outbox
  std::vector<SessionId> lost_;
  std::vector<SessionId> choked_;
  std::vector<transport::ConnectionNumber> broken_;
  std::uint64_t frames_out_ = 0;
};

}  // namespace joinery::broker::server
