// ZeroMQ's protocol from an end that may be anybody.
#include "shared/transport/zmtp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace joinery::transport {
namespace {

constexpr std::size_t frame_max = 24U << 20U;

Buffer message(Bytes body) {
  Buffer out(ZmtpHeader(body.size()).bytes());
  out += body;
  return out;
}

void feed(ZmtpReader& reader, Bytes bytes) {
  while (!bytes.empty()) {
    const auto room = reader.room();
    const std::size_t part = std::min(room.size(), bytes.size());
    std::ranges::copy(bytes.substr(0, part), room.begin());
    reader.filled(part);
    bytes.remove_prefix(part);
  }
}

ZmtpReader greeted() {
  ZmtpReader reader(frame_max);
  feed(reader, zmtp_opening(ZmtpRole::dealer));
  Bytes what;
  EXPECT_EQ(reader.next(what), ZmtpReader::Next::more);
  EXPECT_TRUE(reader.greeted());
  return reader;
}

TEST(Zmtp, IsReadHoweverItsBytesAreCut) {
  Buffer all = zmtp_opening(ZmtpRole::dealer) + message("short") + message(Buffer(300, 'l'));
  ZmtpReader reader(frame_max);
  std::vector<Buffer> messages;
  for (const char byte : all) {
    feed(reader, Bytes(&byte, 1));
    Bytes what;
    while (reader.next(what) == ZmtpReader::Next::message) messages.emplace_back(what);
  }
  EXPECT_EQ(messages, (std::vector<Buffer>{"short", Buffer(300, 'l')}));
}

TEST(Zmtp, AMessageBeforeTheHandshakeBreaksItBeforeItsBytesCame) {
  const Buffer opening = zmtp_opening(ZmtpRole::dealer);
  ZmtpReader reader(frame_max);
  feed(reader, Bytes(opening).substr(0, 64));  // the greeting
  feed(reader, ZmtpHeader(frame_max).bytes());
  Bytes what;
  EXPECT_EQ(reader.next(what), ZmtpReader::Next::broken);
}

TEST(Zmtp, AFrameThatOnlyClaimsToBeLargeTakesNoMemory) {
  ZmtpReader reader = greeted();
  feed(reader, ZmtpHeader(frame_max).bytes());
  Bytes what;
  EXPECT_EQ(reader.next(what), ZmtpReader::Next::more);
  EXPECT_LE(reader.room().size(), 64U << 10U);
}

TEST(Zmtp, AFrameThatIsTooLargeBreaksIt) {
  ZmtpReader reader = greeted();
  feed(reader, ZmtpHeader(frame_max + 1).bytes());
  Bytes what;
  EXPECT_EQ(reader.next(what), ZmtpReader::Next::broken);
}

TEST(Zmtp, OtherBytesAreNotTakenForIt) {
  ZmtpReader reader(frame_max);
  feed(reader, "GET / HTTP/1.1\r\n");
  Bytes what;
  EXPECT_EQ(reader.next(what), ZmtpReader::Next::broken);
}

}  // namespace
}  // namespace joinery::transport
