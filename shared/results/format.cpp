// The one format of a result in Redis: the msgpack array
//
//   [format = 1, status, epoch, attempt, worker, started_ms, finished_ms, content_type, value | error]
//
// status: 0 succeeded, then the last element is the value (bin); 1 failed, then it is a map with "code" (the
// number), "type", "message", "where", "dossier" (bin). started_ms and finished_ms are Unix milliseconds.
//
// Epoch and attempt are always written as uint32 (0xce and four bytes, big-endian), so that the fence of any
// result stands at the same place, which the script in write.cpp reads:
//
//   byte  0: 0x99   1: format   2: status   3: 0xce   4-7: epoch   8: 0xce   9-12: attempt
//
// To change it: write the new number in front, keep the first 13 bytes as they are, and let decode() read
// both.
#include <fmt/format.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // g++ 12 misreads msgpack's zone
#include <msgpack.hpp>
#pragma GCC diagnostic pop

#include "shared/results/results.h"

namespace joinery::results {
namespace {

constexpr std::uint8_t format = 1;
// Depth and counts of what we write; anything larger is not ours.
const msgpack::unpack_limit limit(16, 16, 0xffffffff, 0xffffffff, 0, 4);

struct Writer {
  Buffer& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<Writer>;

std::int64_t to_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
Wall from_ms(std::int64_t ms) { return Wall(std::chrono::milliseconds(ms)); }

void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}
void pack_bytes(Packer& packer, Bytes bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void pack_failure(Packer& packer, const Failure& failure) {
  packer.pack_map(5);
  pack_text(packer, "code");
  packer.pack(static_cast<std::uint16_t>(failure.code));
  pack_text(packer, "type");
  pack_text(packer, failure.type);
  pack_text(packer, "message");
  pack_text(packer, failure.message);
  pack_text(packer, "where");
  pack_text(packer, failure.where);
  pack_text(packer, "dossier");
  pack_bytes(packer, failure.dossier);
}

// What was not read yet of the fields of an array. Throws msgpack::type_error, as msgpack's as<> does.
struct Fields {
  const msgpack::object* next;
  const msgpack::object* end;

  template <typename T>
  T take() {
    if (next == end) throw msgpack::type_error();
    return (next++)->as<T>();
  }
};

std::string bytes_of(const msgpack::object& object) {
  if (object.type != msgpack::type::BIN && object.type != msgpack::type::STR) throw msgpack::type_error();
  return object.as<std::string>();
}

Failure failure_of(const msgpack::object& object) {
  if (object.type != msgpack::type::MAP) throw msgpack::type_error();
  Failure failure;
  for (std::uint32_t i = 0; i < object.via.map.size; ++i) {
    const auto& [key, value] = object.via.map.ptr[i];
    const auto name = key.as<std::string>();
    if (name == "code") failure.code = code_from_number(value.as<std::uint64_t>());
    if (name == "type") failure.type = bytes_of(value);
    if (name == "message") failure.message = bytes_of(value);
    if (name == "where") failure.where = bytes_of(value);
    if (name == "dossier") failure.dossier = bytes_of(value);
  }
  return failure;
}

Stored stored_of(const msgpack::object& object, JobId job) {
  if (object.type != msgpack::type::ARRAY) throw msgpack::type_error();
  Fields fields{object.via.array.ptr, object.via.array.ptr + object.via.array.size};
  if (fields.take<std::uint8_t>() != format) throw msgpack::type_error();
  Stored stored;
  const auto status = fields.take<std::uint8_t>();
  if (status > 1) throw msgpack::type_error();
  stored.outcome = status == 0 ? Outcome::succeeded : Outcome::failed;
  stored.token.job = job;
  stored.token.epoch = fields.take<std::uint32_t>();
  stored.token.attempt = fields.take<std::uint32_t>();
  stored.worker = fields.take<std::string>();
  stored.started = from_ms(fields.take<std::int64_t>());
  stored.finished = from_ms(fields.take<std::int64_t>());
  stored.content_type = fields.take<std::string>();
  const auto last = fields.take<msgpack::object>();
  if (status == 0) {
    stored.value = bytes_of(last);
  } else {
    stored.failure = failure_of(last);
  }
  return stored;
}

}  // namespace

void encode(const Stored& result, Buffer& out) {
  Writer writer{out};
  Packer packer(writer);
  const bool succeeded = result.outcome == Outcome::succeeded;
  packer.pack_array(9);
  packer.pack(format);
  packer.pack(static_cast<std::uint8_t>(succeeded ? 0 : 1));
  packer.pack_fix_uint32(result.token.epoch);
  packer.pack_fix_uint32(result.token.attempt);
  pack_text(packer, result.worker);
  packer.pack(to_ms(result.started));
  packer.pack(to_ms(result.finished));
  pack_text(packer, result.content_type);
  succeeded ? pack_bytes(packer, result.value) : pack_failure(packer, result.failure);
}

Result<Stored> decode(Bytes raw, JobId job) {
  try {
    const auto handle = msgpack::unpack(
        raw.data(), raw.size(), [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr,
        limit);
    return stored_of(handle.get(), job);
  } catch (const std::exception&) {  // msgpack's; they say nothing more than "bad cast"
    return fail(Code::wrong_type,
                fmt::format("the result of job {} in Redis is not in the format of a result", job), "result");
  }
}

}  // namespace joinery::results
