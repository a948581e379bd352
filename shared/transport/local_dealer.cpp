// A connection to a broker on this host.
//
// Its owner waits for the stream itself and not for an epoll that holds it: a message that comes then wakes
// the owner as the one that the sender waits for, which is many times faster if both share a core.
#include <sys/epoll.h>

#include <algorithm>
#include <optional>

#include "shared/base/check.h"
#include "shared/transport/alarm.h"
#include "shared/transport/dealer_end.h"
#include "shared/transport/local_stream.h"

namespace joinery::transport {
namespace {

constexpr Duration linger = std::chrono::milliseconds(200);  // for a goodbye
constexpr std::size_t frame_max = std::size_t{1} << 30U;     // the broker's own frames are far smaller

class LocalDealer final : public DealerEnd {
 public:
  LocalDealer(const Dealer::Options& options, std::string endpoint)
      : options_(options),
        endpoint_(std::move(endpoint)),
        pause_(jittered(options.reconnect_first)),
        side_(::epoll_create1(EPOLL_CLOEXEC)) {
    JOINERY_CHECK(side_);
    epoll_event event{.events = EPOLLIN, .data = {}};
    JOINERY_CHECK(::epoll_ctl(side_.get(), EPOLL_CTL_ADD, alarm_.descriptor(), &event) == 0);
    connect();
  }

  ~LocalDealer() override {
    if (alive_) stream_->flush_until(read_clocks().mono + linger);
  }

  bool receive(Buffer& frame) override {
    if (!alive_) return false;
    Bytes bytes;
    const LocalStream::Got got = stream_->receive(bytes);
    if (got == LocalStream::Got::frame) frame.assign(bytes);
    if (got == LocalStream::Got::lost) lose();
    if (got == LocalStream::Got::nothing) {
      if (writing_) stream_->flush();
      watch();  // to receive can leave an answer half sent, too
    }
    return got == LocalStream::Got::frame;
  }

  Sent send(Bytes frame) override {
    if (!alive_) return Sent::gone;
    const Sent sent = stream_->send(frame, options_.queue_max);
    sent == Sent::gone ? lose() : watch();
    return sent;
  }

  void changes(std::vector<int>& events) override {
    if (!alive_ && events_.empty() && read_clocks().mono >= again_at_) connect();
    if (events_.empty()) return;
    events.swap(events_);
    set_alarm();
  }

  std::vector<int> descriptors() const override {
    if (!alive_) return {side_.get()};
    return {stream_->descriptor(), side_.get()};
  }

 private:
  void connect() {
    unique_fd socket = connect_local(endpoint_);
    if (!socket) {
      again_at_ = read_clocks().mono + pause_;
      pause_ = std::min(2 * pause_, std::max(pause_, options_.reconnect_max));
      return set_alarm();
    }
    stream_.emplace(std::move(socket), ZmtpRole::dealer, frame_max);
    alive_ = true;
    pause_ = jittered(options_.reconnect_first);
    tell(+1);
  }

  // The descriptor stays open until the next attempt: the owner may still wait for it.
  void lose() {
    alive_ = false;
    again_at_ = read_clocks().mono + pause_;
    if (std::exchange(writing_, false))
      ::epoll_ctl(side_.get(), EPOLL_CTL_DEL, stream_->descriptor(), nullptr);
    tell(-1);
  }

  void tell(int event) {
    events_.push_back(event);
    set_alarm();
  }

  // The owner is to look at once while there are changes to tell, else when it is time to connect again.
  void set_alarm() { alarm_.set(!events_.empty() ? Mono{} : alive_ ? never_mono : again_at_); }

  // Whether it is waited for that the other end takes more.
  void watch() {
    const bool wants = stream_->wants_write();
    if (std::exchange(writing_, wants) == wants) return;
    epoll_event event{.events = EPOLLOUT, .data = {}};
    const int operation = wants ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    JOINERY_CHECK(::epoll_ctl(side_.get(), operation, stream_->descriptor(), &event) == 0);
  }

  const Dealer::Options options_;
  const std::string endpoint_;
  Duration pause_;  // before the next attempt, if this one fails
  Mono again_at_{};
  unique_fd side_;  // readable when the alarm is, or when what waits can be sent
  Alarm alarm_;
  std::optional<LocalStream> stream_;
  bool alive_ = false;
  bool writing_ = false;
  std::vector<int> events_;
};

}  // namespace

std::unique_ptr<DealerEnd> connect_here(const Dealer::Options& options, const std::string& endpoint) {
  return std::make_unique<LocalDealer>(options, endpoint);
}

}  // namespace joinery::transport
