#include "broker/server/sessions.h"

#include <algorithm>

namespace joinery::broker::server {

Session* Sessions::at(const transport::Address& address) {
  auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

Session* Sessions::find(SessionId id) {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

Session& Sessions::bind(SessionId id, Role role, const transport::Address& address,
                        transport::ConnectionNumber connection) {
  if (Session* other = at(address); other != nullptr && other->id != id) lose(*other);
  Session& session = by_id_[id];
  if (session.connected) lose(session);
  session.id = id;
  session.role = role;
  session.address = address;
  session.connection = connection;
  session.connected = true;
  ++session.generation;
  by_address_[address] = &session;
  by_connection_[connection] = &session;
  return session;
}

void Sessions::remove(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return;
  if (session->connected) lose(*session);
  std::erase(lost_, id);
  std::erase(choked_, id);
  by_id_.erase(id);
}

void Sessions::lose(Session& session) {
  if (!session.connected) return;
  session.connected = false;
  by_address_.erase(session.address);
  by_connection_.erase(session.connection);
  if (!session.outbox.empty()) std::erase(backlogged_, &session);
  session.outbox.clear();
  session.outbox_bytes = 0;
  session.choked = false;
  ++session.generation;
  lost_.push_back(session.id);
}

void Sessions::send(Session& session, Bytes frame) {
  if (!session.connected) return;
  if (!session.outbox.empty()) return keep(session, frame);
  switch (router_.send(session.address, frame)) {
    case transport::Sent::yes: ++frames_out_; return;
    case transport::Sent::full: return keep(session, frame);
    case transport::Sent::gone: return lose(session);
  }
}

void Sessions::send_to(const transport::Address& address, Bytes frame) {
  if (router_.send(address, frame) == transport::Sent::yes) ++frames_out_;
}

void Sessions::send_to_all(Bytes frame) {
  for (const auto& [id, session] : by_id_) {
    if (session.connected) send_to(session.address, frame);
  }
}

void Sessions::keep(Session& session, Bytes frame) {
  if (session.outbox.size() >= limits_.outbox_frames ||
      session.outbox_bytes + frame.size() > limits_.outbox_bytes) {
    return lose(session);
  }
  if (session.outbox.empty()) backlogged_.push_back(&session);
  session.outbox.emplace_back(frame);
  session.outbox_bytes += frame.size();
  if (session.outbox.size() >= limits_.choke_frames) choke(session, true);
}

bool Sessions::flush() {
  for (std::size_t i = backlogged_.size(); i-- > 0;) {
    Session& session = *backlogged_[i];
    transport::Sent sent = transport::Sent::yes;
    while (!session.outbox.empty()) {
      sent = router_.send(session.address, session.outbox.front());
      if (sent != transport::Sent::yes) break;
      ++frames_out_;
      session.outbox_bytes -= session.outbox.front().size();
      session.outbox.pop_front();
    }
    if (sent == transport::Sent::gone) {
      lose(session);  // takes it off the list, whose part behind i was already seen
    } else if (session.outbox.empty()) {
      backlogged_.erase(backlogged_.begin() + static_cast<std::ptrdiff_t>(i));
      choke(session, false);
    }
  }
  return !backlogged_.empty();
}

void Sessions::choke(Session& session, bool choked) {
  if (session.role != Role::worker || session.choked == choked) return;
  session.choked = choked;
  choked_.push_back(session.id);
}

void Sessions::collect_lost() {
  broken_.clear();
  router_.lost(broken_);
  for (transport::ConnectionNumber connection : broken_) {
    garbage_.erase(connection);
    auto found = by_connection_.find(connection);
    if (found != by_connection_.end()) lose(*found->second);
  }
}

void Sessions::take_lost(std::vector<SessionId>& lost) {
  lost.clear();
  lost.swap(lost_);
}

void Sessions::take_choked(std::vector<SessionId>& changed) {
  changed.clear();
  changed.swap(choked_);
}

bool Sessions::tolerate_garbage(transport::ConnectionNumber connection) {
  return ++garbage_[connection] <= garbage_tolerated;
}

bool Sessions::ignored(transport::ConnectionNumber connection) const {
  if (garbage_.empty()) return false;
  auto found = garbage_.find(connection);
  return found != garbage_.end() && found->second > garbage_tolerated;
}

std::size_t Sessions::connected(Role role) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      by_id_, [&](const auto& entry) { return entry.second.connected && entry.second.role == role; }));
}

}  // namespace joinery::broker::server
