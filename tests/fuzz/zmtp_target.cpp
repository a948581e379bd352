// A peer on a unix socket, who may say anything, in pieces of any size.
#include <algorithm>
#include <random>
#include <utility>

#include "shared/base/check.h"
#include "shared/transport/zmtp.h"
#include "targets.h"

namespace joinery::fuzz {
namespace {

using namespace transport;

constexpr std::size_t frame_max = 1U << 20U;  // larger than any input: such a size can only be claimed
constexpr std::size_t room_of_idle = 4U << 10U;

struct Heard {
  std::vector<std::pair<ZmtpReader::Next, Buffer>> said;
  bool greeted = false;
  bool operator==(const Heard&) const = default;
};

// What has come, until the reader wants more. False: it is broken, and wants none.
bool take(ZmtpReader& reader, Heard& heard) {
  for (Bytes what;;) {
    const ZmtpReader::Next next = reader.next(what);
    heard.greeted = reader.greeted();
    if (next == ZmtpReader::Next::more) return true;
    const bool broken = next == ZmtpReader::Next::broken;
    JOINERY_CHECK(broken || (heard.greeted && what.size() <= frame_max));
    heard.said.emplace_back(next, broken ? Bytes() : what);
    if (broken) return false;
  }
}

// `piece` says how long the next one is, at least one byte. `beyond` is what lies in memory behind what has
// come.
template <typename Piece>
Heard listen(Bytes bytes, char beyond, Piece piece) {
  ZmtpReader reader(frame_max);
  Heard heard;
  for (std::size_t received = 0; received < bytes.size();) {
    const std::span<char> room = reader.room();
    JOINERY_CHECK(!room.empty());
    JOINERY_CHECK(room.size() <= room_of_idle + 3 * received);
    std::ranges::fill(room, beyond);
    const Bytes part = bytes.substr(received, std::min<std::size_t>(piece(), room.size()));
    std::ranges::copy(part, room.begin());
    reader.filled(part.size());
    received += part.size();
    if (!take(reader, heard)) break;
  }
  return heard;
}

void append_message(Buffer& out, Bytes body) {
  out += ZmtpHeader(body.size()).bytes();
  out += body;
}

// The same messages in our own words; a pong is taken without a word.
void say_again(const Heard& heard) {
  Buffer bytes = zmtp_opening(ZmtpRole::router);
  Heard messages;
  for (const auto& [next, what] : heard.said) {
    if (next == ZmtpReader::Next::ping) bytes += zmtp_pong(what);
    if (next != ZmtpReader::Next::message) continue;
    append_message(bytes, what);
    messages.said.emplace_back(next, what);
  }
  messages.greeted = true;
  JOINERY_CHECK(listen(bytes, '\xaa', [&] { return bytes.size(); }) == messages);
}

}  // namespace

void feed_zmtp(Bytes bytes) {
  if (bytes.empty()) return;
  std::minstd_rand random(static_cast<unsigned char>(bytes.front()));
  const unsigned longest = bytes.front() % 2 == 0 ? 3 : 200;
  bytes.remove_prefix(1);
  const Heard whole = listen(bytes, '\x55', [&] { return bytes.size(); });
  const Heard cut = listen(bytes, '\xaa', [&] { return 1 + random() % longest; });
  JOINERY_CHECK(whole == cut);
  say_again(whole);
}

std::vector<Buffer> zmtp_corpus() {
  using namespace std::string_view_literals;
  const Buffer dealer = zmtp_opening(ZmtpRole::dealer);
  Buffer messages = dealer;
  for (const std::size_t size : {0, 5, 255, 256, 1000}) append_message(messages, Buffer(size, 'm'));
  const Buffer in_parts = dealer + Buffer("\1\1a\0\1b\0\1c"sv);
  const Buffer pings = dealer + Buffer("\4\7\4PING\0\1"sv) + Buffer("\4\x0b\4PING\0\1what\0\1m"sv);
  const Buffer claims = dealer + Buffer("\2\0\0\0\0\0\x0f\xff\xff"sv) + "few";
  std::vector<Buffer> all;
  for (const Buffer& said : {dealer, zmtp_opening(ZmtpRole::router), messages, in_parts, pings, claims})
    for (const char first : {'\0', '\1'}) all.push_back(Buffer(1, first) + said);
  return all;
}

}  // namespace joinery::fuzz
