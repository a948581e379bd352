// The conversation with the broker, without sockets, clocks or threads: hello and welcome, numbered requests
// and their answers, what is repeated after a reconnect, heartbeats, and giving up. Time and frames come in,
// frames go out through `send`.
//
// A life: down -> connected() -> greeting -> Welcome -> live -> lost() -> down ... After each welcome every
// request that has no answer yet is sent again, in order, with the number it had: the broker knows what it
// has done already. A broker that lost the session (welcome.resumed is false) cannot know: there, a submit
// whose answer was lost may be done twice.
//
// Threads: belongs to the client's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "shared/base/time.h"
#include "shared/protocol/messages.h"
#include "shared/transport/transport.h"

namespace joinery::client {

class Session {
 public:
  struct Options {
    protocol::Hello hello;
    std::string endpoint;             // for messages
    std::optional<Duration> timeout;  // without a session, for so long, a request waits; none: for ever
  };
  using Send = std::function<transport::Sent(Bytes)>;
  // An answer: Accepted, Joined or Reply; or the error.
  using Answered = std::move_only_function<void(Result<const protocol::Message*>)>;
  // Makes the request, once its number is known.
  using Make = std::move_only_function<protocol::Message(std::uint64_t sequence, std::uint64_t confirmed)>;

  Session(Options options, Send send, Now now);

  // Called with each welcome, before requests are repeated; and with each frame of outcomes.
  std::function<void(const protocol::Welcome&)> on_welcome;
  std::function<void(protocol::Outcomes&)> on_outcomes;
  // May be empty. Before each hello, to bring it up to date; and with everything that is no answer and none
  // of the above, while the session is live.
  std::function<void(protocol::Hello&)> on_hello;
  std::function<void(Now, protocol::Message&)> on_message;

  // What happens.
  void connected(Now now);
  void lost(Now now);
  void received(Now now, Bytes frame);
  // Does what is due and sends what was not sent yet. True: the broker is silent; the connection is dead and
  // the caller makes a new one (after lost(), which this has called).
  bool tick(Now now);
  Mono next_deadline() const;

  // The broker remembers the answer of what changes something until it is confirmed: it may come again. Those
  // that are quiet, settled() does not count.
  enum class Kind : std::uint8_t { reading, changing, changing_quietly };
  // Numbers a request and sends it at the next tick. `deadline`: then it gets timed_out (or
  // broker_unreachable if there is no session).
  std::uint64_t ask(Now now, Kind kind, std::optional<Mono> deadline, Make make, Answered answered);
  // A frame that has no answer of its own, if it can be sent now. `number` is for its sequence, if it has
  // one.
  bool tell(Now now, const protocol::Message& message);
  bool tell_frame(Now now, Bytes frame);  // encoded before
  std::uint64_t number() { return ++last_; }

  bool live() const { return state_ == State::live; }
  // Whether something that has waited since `since` for a session has waited long enough.
  bool given_up(Now now, Mono since) const;
  Mono give_up_at(Mono since) const;
  Error unreachable() const;
  const std::optional<Error>& refused() const { return refused_; }  // for good
  // What was asked before this welcome may have been sent in an earlier connection.
  std::optional<Mono> repeated_until() const { return repeated_until_; }
  // Whether each changing request up to this one is answered.
  bool settled(std::uint64_t sequence) const;
  std::uint64_t last_sequence() const { return last_; }
  // Every request gets this error.
  void fail_all(const Error& error);

 private:
  enum class State : std::uint8_t { down, greeting, live };
  struct Pending {
    Buffer frame;
    Mono created;
    std::optional<Mono> deadline;
    Answered answered;
  };

  void greet(Now now);
  void take(Now now, protocol::Welcome& welcome);
  void take(Now now, protocol::ErrorMessage& message);
  void answer(std::uint64_t sequence, Result<const protocol::Message*> result);
  void expire(Now now);
  void send_pending(Now now);
  bool send(Now now, Bytes frame);
  Error too_large(std::size_t size) const;
  void refuse_large();

  Options options_;
  Send send_;
  State state_ = State::down;
  bool connected_ = false;
  std::optional<Error> refused_;
  std::string why_;  // the last thing that went wrong
  Mono down_since_;
  std::optional<Mono> greet_at_;  // again, after the broker asked to wait
  std::optional<Mono> repeated_until_;
  bool welcomed_before_ = false;
  std::optional<Mono> try_again_at_;  // the socket takes no more for now
  Mono heard_at_{};
  Mono sent_at_{};
  Duration heartbeat_ = std::chrono::seconds(3);
  Duration lease_ = std::chrono::seconds(15);
  std::uint64_t frame_max_ = UINT64_MAX;  // known with the first welcome

  std::uint64_t last_ = 0;                    // number given
  std::map<std::uint64_t, Pending> pending_;  // without answer
  std::set<std::uint64_t> changing_;          // of those
  std::set<std::uint64_t> quiet_;             // of those
  std::multimap<Mono, std::uint64_t> deadlines_;
  std::uint64_t unsent_ = 0;  // pending ones from here on were not sent in this connection
};

}  // namespace joinery::client
