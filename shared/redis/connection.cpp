#include "shared/redis/connection.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "shared/base/check.h"

namespace joinery::redis {
namespace {

Value to_value(const redisReply& reply) {
  Value value;
  switch (reply.type) {
    case REDIS_REPLY_NIL: break;
    case REDIS_REPLY_INTEGER:
      value.kind = Value::Kind::integer;
      value.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      value.kind = Value::Kind::list;
      value.list.reserve(reply.elements);
      for (std::size_t i = 0; i < reply.elements; ++i) value.list.push_back(to_value(*reply.element[i]));
      break;
    default:  // a status or a string
      value.kind = reply.type == REDIS_REPLY_ERROR ? Value::Kind::error : Value::Kind::text;
      value.text.assign(reply.str, reply.len);
  }
  return value;
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

namespace {

// A mark, a number, and the end of the line.
void append_line(char mark, std::size_t number, Buffer& out) {
  std::array<char, 24> text{mark};
  char* end = std::to_chars(text.data() + 1, text.data() + text.size(), number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), end);
}

}  // namespace

void append_header(std::size_t arguments, Buffer& out) { append_line('*', arguments, out); }

void append_argument(Bytes argument, Buffer& out) {
  append_line('$', argument.size(), out);
  out.append(argument).append("\r\n");
}

void append_command(std::span<const Bytes> arguments, Buffer& out) {
  append_header(arguments.size(), out);
  for (Bytes argument : arguments) append_argument(argument, out);
}

Connection::Connection(Url url) : url_(std::move(url)), reader_(nullptr, &redisReaderFree) {}
Connection::~Connection() = default;

std::unexpected<Error> Connection::lost(const std::string& why) {
  fd_.reset();
  connecting_ = false;
  return fail(Code::redis_unreachable, fmt::format("Redis at {}: {}", to_string(url_), why));
}

void Connection::close() {
  fd_.reset();
  connecting_ = false;
  out_.clear();
  sent_ = 0;
  replies_.clear();
}

Result<> Connection::open() {
  close();
  reader_.reset(redisReaderCreate());
  JOINERY_CHECK(reader_ != nullptr);
  greeting_ = 1;
  if (!url_.password.empty()) {
    ++greeting_;
    if (url_.user.empty()) {
      append_command(std::array<Bytes, 2>{"AUTH", url_.password}, out_);
    } else {
      append_command(std::array<Bytes, 3>{"AUTH", url_.user, url_.password}, out_);
    }
  }
  append_command(std::array<Bytes, 2>{"SELECT", std::to_string(url_.database)}, out_);
  if (auto resolved = resolve(); !resolved) return resolved;
  return connect_next();
}

Result<> Connection::resolve() {
  addresses_.clear();
  if (url_.host.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (url_.path.size() >= sizeof local.sun_path) return lost("the path of the socket is too long");
    std::memcpy(local.sun_path, url_.path.data(), url_.path.size());
    Address& address = addresses_.emplace_back();
    std::memcpy(&address.bytes, &local, sizeof local);
    address.size = sizeof local;
    address.family = AF_UNIX;
    return {};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(url_.host.c_str(), std::to_string(url_.port).c_str(), &hints, &found);
  if (failed != 0) return lost(gai_strerror(failed));
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address& address = *addresses_.insert(addresses_.begin(), Address{});
    std::memcpy(&address.bytes, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    address.family = each->ai_family;
  }
  freeaddrinfo(found);
  return {};
}

Result<> Connection::connect_next() {
  std::string why = "no address";
  while (!addresses_.empty()) {
    const Address address = addresses_.back();
    addresses_.pop_back();
    fd_.reset(::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) return lost(reason(errno));
    ++opened_;
    const auto* where = reinterpret_cast<const sockaddr*>(&address.bytes);
    if (::connect(fd_.get(), where, address.size) == 0 || errno == EINPROGRESS) {
      connecting_ = true;  // finish_connecting asks how it went
      return {};
    }
    why = reason(errno);
  }
  return lost(why);
}

Result<> Connection::finish_connecting() {
  pollfd wait{fd_.get(), POLLOUT, 0};
  if (::poll(&wait, 1, 0) <= 0) return {};
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    if (addresses_.empty()) return lost(reason(error));
    return connect_next();
  }
  connecting_ = false;
  const int on = 1;
  if (!url_.host.empty()) ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {};
}

Result<> Connection::send() {
  while (sent_ < out_.size()) {
    const ssize_t number = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (number >= 0) {
      sent_ += static_cast<std::size_t>(number);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return lost(reason(errno));
    }
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  return {};
}

Result<> Connection::receive() {
  std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t number = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (number > 0) {
      if (redisReaderFeed(reader_.get(), buffer.data(), static_cast<std::size_t>(number)) != REDIS_OK) {
        return lost(reader_->errstr);
      }
      if (auto parsed = parse(); !parsed) return parsed;
      if (static_cast<std::size_t>(number) < buffer.size()) return {};  // that was all, for now
    } else if (number == 0) {
      return lost("the server closed the connection");
    } else if (errno == EAGAIN) {
      return {};
    } else if (errno != EINTR) {
      return lost(reason(errno));
    }
  }
}

Result<> Connection::parse() {
  while (true) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return lost(reader_->errstr);
    if (raw == nullptr) return {};
    const std::unique_ptr<void, void (*)(void*)> owner(raw, &freeReplyObject);
    Value value = to_value(*static_cast<const redisReply*>(raw));
    if (greeting_ == 0) {
      replies_.push_back(std::move(value));
    } else if (value.kind == Value::Kind::error) {  // wrong password, no such database, or LOADING
      return lost(value.text);
    } else {
      --greeting_;
    }
  }
}

Result<bool> Connection::advance(bool readable) {
  const std::size_t before = replies_.size();
  const bool was_ready = ready();
  if (connecting_) {
    if (auto done = finish_connecting(); !done) return std::unexpected(done.error());
    if (connecting_) return false;
  }
  if (auto done = send(); !done) return std::unexpected(done.error());
  if (!readable) return was_ready != ready();
  if (auto done = receive(); !done) return std::unexpected(done.error());
  return replies_.size() > before || was_ready != ready();
}

bool Connection::take(Value& reply) {
  if (replies_.empty()) return false;
  reply = std::move(replies_.front());
  replies_.pop_front();
  return true;
}

}  // namespace joinery::redis
