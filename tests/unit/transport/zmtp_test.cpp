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

TEST(Zmtp, ReadersThatShareMemoryKeepWhatTheyHaveNotRead) {
  std::vector<char> shared(256);
  std::vector<ZmtpReader> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(frame_max, shared);
  std::vector<std::vector<Buffer>> messages(readers.size());
  std::vector<Buffer> streams;
  for (const char letter : {'a', 'b', 'c'}) {
    streams.push_back(zmtp_opening(ZmtpRole::dealer) + message(Buffer(40, letter)) +
                      message(Buffer(700, letter)) + message(Buffer(30, letter)));
  }
  constexpr std::size_t part = 97;
  for (std::size_t at = 0; at < streams[0].size(); at += part) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      feed(readers[i], Bytes(streams[i]).substr(at, part));
      Bytes what;
      while (readers[i].next(what) == ZmtpReader::Next::message) messages[i].emplace_back(what);
      readers[i].keep();
    }
  }
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const char letter = static_cast<char>('a' + i);
    EXPECT_EQ(messages[i],
              (std::vector<Buffer>{Buffer(40, letter), Buffer(700, letter), Buffer(30, letter)}));
  }
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
