// The one format of a result in Redis: the msgpack array
//
//   [format = 1, status, epoch, attempt, worker, started_ms, finished_ms, content_type, value | error,
//   value?]
//
// status: 0 succeeded, then the ninth element is the value (bin); 1 failed, then it is a map with "code" (the
// number), "type", "message", "where", "dossier" (bin), and a tenth is the value (bin), if the handler left
// one all the same. started_ms and finished_ms are Unix milliseconds.
//
// Epoch and attempt are always written as uint32 (0xce and four bytes, big-endian), so that the fence of any
// result stands at the same place, which the script in write.cpp reads:
//
//   byte  0: 0x99 or 0x9a   1: format   2: status   3: 0xce   4-7: epoch   8: 0xce   9-12: attempt
//
// To change it: write the new number in front, keep the first 13 bytes as they are, and let decode() read
// both.
#include <fmt/format.h>

#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"
#include "shared/results/results.h"

namespace joinery::results {
namespace {

using protocol::Reader;
using protocol::Writer;

constexpr std::uint64_t format = 1;

std::int64_t to_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
Wall wall(Reader& in, const char* field) { return Wall(std::chrono::milliseconds(in.i64(field))); }

// A uint32 in its long form, whatever its value.
void put_wide(Buffer& out, std::uint32_t value) {
  char bytes[5];
  protocol::pack::big_endian(bytes, 0xce, value);
  out.append(bytes, sizeof bytes);
}

void put(Writer& out, const Failure& failure) {
  out.map(5);
  out.str("code");
  out.u64(static_cast<std::uint64_t>(failure.code));
  out.str("type");
  out.str(failure.type);
  out.str("message");
  out.str(failure.message);
  out.str("where");
  out.str(failure.where);
  out.str("dossier");
  out.bin(failure.dossier);
}

Failure failure_of(Reader& in) {
  Failure failure;
  const std::uint32_t members = in.map("error");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("error's key");
    if (key == "code") {
      failure.code = code_from_number(in.u64("error.code"));
    } else if (key == "type") {
      failure.type = in.str("error.type");
    } else if (key == "message") {
      failure.message = in.str("error.message");
    } else if (key == "where") {
      failure.where = in.str("error.where");
    } else if (key == "dossier") {
      failure.dossier = in.bin("error.dossier");
    } else {
      in.raw("error");
    }
  }
  return failure;
}

}  // namespace

void encode(const Stored& result, Buffer& buffer) {
  Writer out(buffer);
  const bool succeeded = result.outcome == Outcome::succeeded;
  const bool has_both = !succeeded && !result.value.empty();
  out.array(has_both ? 10 : 9);
  out.u64(format);
  out.u64(succeeded ? 0 : 1);
  put_wide(buffer, result.token.epoch);
  put_wide(buffer, result.token.attempt);
  out.str(result.worker);
  out.i64(to_ms(result.started));
  out.i64(to_ms(result.finished));
  out.str(result.content_type);
  succeeded ? out.bin(result.value) : put(out, result.failure);
  if (has_both) out.bin(result.value);
}

Result<Stored> decode(Bytes raw, JobId job) {
  Reader in(raw);
  Stored stored;
  const std::uint32_t elements = in.array("result");
  if (in.ok() && elements != 9 && elements != 10)
    in.refuse(Code::wrong_type, fmt::format("result has {} elements, expected 9 or 10", elements), "result");
  if (in.u64("format") != format) in.refuse(Code::wrong_type, "format is not one that is known", "format");
  const bool succeeded = in.at_most("status", 1) == 0;
  stored.outcome = succeeded ? Outcome::succeeded : Outcome::failed;
  stored.token.job = job;
  stored.token.epoch = in.u32("epoch");
  stored.token.attempt = in.u32("attempt");
  stored.worker = in.str("worker");
  stored.started = wall(in, "started_ms");
  stored.finished = wall(in, "finished_ms");
  stored.content_type = in.str("content_type");
  if (succeeded) {
    stored.value = in.bin("value");
  } else {
    stored.failure = failure_of(in);
    if (elements == 10) stored.value = in.bin("value");
  }
  if (in.done()) return stored;
  return fail(Code::wrong_type,
              fmt::format("the result of job {} in Redis is not one: {}", job, in.error().message),
              in.error().field);
}

}  // namespace joinery::results
