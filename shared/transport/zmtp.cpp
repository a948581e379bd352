#include "shared/transport/zmtp.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace joinery::transport {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t greeting_size = 64;
constexpr std::size_t read_least = 4U << 10U;  // of an idle connection: there may be very many
constexpr std::size_t read_most = 256U << 10U;
constexpr std::size_t handshake_max = 8U << 10U;  // of a command
constexpr std::string_view signature_begin = "\xff"sv;
constexpr char signature_end = '\x7f';
constexpr char version_major = 3;
constexpr std::string_view mechanism = "NULL"sv;
constexpr std::string_view ping_name = "\4PING"sv;
constexpr std::string_view ready_name = "\5READY"sv;

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

void append_big_endian(Buffer& out, std::uint64_t number, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes));
}

Buffer short_command(Bytes body) { return Buffer{'\4', static_cast<char>(body.size())} + Buffer(body); }

}  // namespace

Buffer zmtp_opening(ZmtpRole role) {
  Buffer greeting(signature_begin);
  greeting.append(8, '\0');
  greeting += signature_end;
  greeting += version_major;
  greeting += '\0';
  greeting += mechanism;
  greeting.resize(greeting_size, '\0');
  Buffer ready(ready_name);
  const std::string_view type = role == ZmtpRole::dealer ? "DEALER" : "ROUTER";
  ready += "\x0bSocket-Type"sv;
  append_big_endian(ready, type.size(), 4);
  ready += type;
  if (role == ZmtpRole::dealer) {
    ready += "\x08Identity"sv;
    append_big_endian(ready, 0, 4);
  }
  return greeting + short_command(ready);
}

ZmtpHeader::ZmtpHeader(std::size_t frame_size) {
  if (frame_size < 256) {
    bytes_[0] = 0;
    bytes_[1] = static_cast<char>(frame_size);
    size_ = 2;
    return;
  }
  bytes_[0] = 2;
  for (unsigned i = 0; i < 8; ++i) bytes_[1 + i] = static_cast<char>(frame_size >> (56 - 8 * i));
  size_ = 9;
}

// The context of a ping comes back with the pong.
Buffer zmtp_pong(Bytes ping) {
  constexpr std::size_t before_context = ping_name.size() + 2;  // the time to live
  Buffer body = "\4PONG";
  if (ping.size() > before_context) body += ping.substr(before_context, 16);
  return short_command(body);
}

std::span<char> ZmtpReader::room() {
  const std::size_t rest = end_ - begin_;
  if (rest == 0 && least_ == read_least && !shared_.empty()) {
    Buffer().swap(buffer_);
    shares_ = true;
    begin_ = end_ = 0;
    return shared_;
  }
  keep();
  // No more than a few times what has come, whatever size a frame claims to have.
  const std::size_t wanted = rest + std::max(least_, std::min(missing_, 2 * rest));
  if (buffer_.size() < wanted || (rest == 0 && buffer_.size() > 4 * wanted)) {
    // A connection that was busy gives its memory back.
    Buffer larger(wanted, '\0');
    std::memcpy(larger.data(), buffer_.data() + begin_, rest);
    buffer_.swap(larger);
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, rest);
  }
  begin_ = 0;
  end_ = rest;
  return std::span(buffer_).subspan(end_);
}

void ZmtpReader::filled(std::size_t bytes) {
  const bool all = end_ + bytes == this->bytes().size();
  if (all) least_ = std::min(2 * least_, read_most);
  if (!all && bytes < least_ / 8) least_ = std::max(least_ / 2, read_least);
  end_ += bytes;
}

void ZmtpReader::keep() {
  if (!shares_) return;
  buffer_ = unread();
  shares_ = false;
  begin_ = 0;
  end_ = buffer_.size();
}

ZmtpReader::Next ZmtpReader::greeting() {
  const Bytes bytes = unread();
  if (!bytes.empty() && bytes.front() != signature_begin.front()) return Next::broken;
  if (bytes.size() < greeting_size) return Next::more;
  if (bytes[9] != signature_end || bytes[10] < version_major) return Next::broken;
  if (Bytes name = bytes.substr(12, 20); name.substr(0, name.find('\0')) != mechanism) return Next::broken;
  greeting_ = true;
  begin_ += greeting_size;
  return Next::message;
}

ZmtpReader::Next ZmtpReader::next(Bytes& what) {
  if (!greeting_) {
    if (const Next said = greeting(); said != Next::message) return said;
  }
  for (;;) {
    const Bytes bytes = unread();
    missing_ = 0;
    if (bytes.empty()) return Next::more;
    const auto flags = static_cast<std::uint8_t>(bytes[0]);
    const std::size_t header = (flags & flag_long) != 0 ? 9 : 2;
    if (bytes.size() < header) return Next::more;
    const std::uint64_t size = big_endian(bytes.substr(1, header - 1));
    const bool is_command = (flags & flag_command) != 0;
    if (flags > 7 || size > (is_command ? handshake_max : frame_max_)) return Next::broken;
    if (!is_command && !ready_) return Next::broken;
    if (bytes.size() < header + size) {
      missing_ = header + size - bytes.size();
      return Next::more;
    }
    begin_ += header + size;
    const Bytes body = bytes.substr(header, size);
    if (is_command) {
      if (const Next said = command(body, what); said != Next::more) return said;
      continue;
    }
    const bool whole = !std::exchange(in_parts_, (flags & flag_more) != 0) && !in_parts_;
    if (!whole) continue;
    what = body;
    return Next::message;
  }
}

// Next::more: nothing comes of it.
ZmtpReader::Next ZmtpReader::command(Bytes body, Bytes& what) {
  if (!ready_) {
    ready_ = body.starts_with(ready_name);
    return ready_ ? Next::more : Next::broken;
  }
  if (!body.starts_with(ping_name)) return Next::more;
  what = body;
  return Next::ping;
}

}  // namespace joinery::transport
