#include "producer/sdk/chunk.h"

#include <fmt/format.h>
#include <unistd.h>

#include "shared/base/utf8.h"
#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"
#include "worker/handlers/failure.h"

namespace joinery::sdk {
namespace {

using protocol::Reader;
using protocol::Writer;

// msgpack's one-byte heads of an array.
bool is_array(unsigned char head) { return (head & 0xf0U) == 0x90 || head == 0xdc || head == 0xdd; }

// What an exception says may be no text, and of any length.
void write_failure(Writer& out, const Failure& failure) {
  out.array(4);
  out.u64(static_cast<std::uint64_t>(failure.code));
  out.str(readable(failure.type));
  out.str(readable(failure.message));
  out.str(readable(failure.where));
}

std::shared_ptr<const Failure> read_failure(Reader& in) {
  auto failure = std::make_shared<Failure>();
  in.array("item", 4);
  failure->code = code_from_number(in.u64("code"));
  failure->type = in.str("type");
  failure->message = in.str("message");
  failure->where = in.str("where");
  return failure;
}

std::shared_ptr<const Failure> not_a_chunk(const std::string& why) {
  return std::make_shared<Failure>(
      Failure{Code::wrong_type, "joinery", "the worker's result is not that of a chunk: " + why, {}, {}});
}

Buffer chunk_result(std::uint64_t failed, std::size_t items, Bytes packed) {
  Buffer out;
  Writer writer(out);
  writer.array(2);
  writer.u64(failed);
  writer.array(items);
  writer.raw(packed);
  return out;
}

}  // namespace

std::string chunk_handler(const std::string& task) { return task + "#map"; }

handlers::Handler over_items(handlers::Handler one) {
  return [one = std::move(one)](JobContext& job, Bytes payload) -> Buffer {
    Reader in(payload);
    const std::uint32_t items = in.array("items");
    std::uint64_t failed = 0;
    Buffer packed;
    Writer out(packed);
    for (std::uint32_t i = 0; i < items; ++i) {
      const Bytes arguments = in.raw("item");
      if (!in.ok()) break;
      if (job.cancelled()) throw Reject("cancelled between two items of a chunk");
      try {
        const Buffer result = one(job, arguments);
        out.bin(result);
      } catch (...) {
        ++failed;
        Failure failure = handlers::describe_current_exception().failure;
        failure.where = fmt::format("process {}, item {} of a chunk of {}", ::getpid(), i + 1, items);
        write_failure(out, failure);
      }
    }
    if (!in.done()) throw MalformedPayload("a chunk: " + in.error().message);
    return chunk_result(failed, items, packed);
  };
}

Buffer join_items(std::span<const Buffer> items) {
  Buffer out;
  Writer writer(out);
  writer.array(items.size());
  for (const Buffer& item : items) writer.raw(item);
  return out;
}

std::vector<Buffer> split_items(Bytes payload) {
  Reader in(payload);
  std::vector<Buffer> items(in.array("items"));
  for (Buffer& item : items) item = in.raw("item");
  return items;
}

Answer join_answers(const std::vector<Answer>& answers) {
  std::uint64_t failed = 0;
  Buffer packed;
  Writer out(packed);
  for (const Answer& answer : answers) {
    const Item item = items_of(answer, true, 1).at(0);
    if (item.failure) {
      ++failed;
      write_failure(out, *item.failure);
    } else {
      out.bin(item.value);
    }
  }
  return {chunk_result(failed, answers.size(), packed), nullptr, Outcome::succeeded};
}

std::vector<Item> items_of(const Answer& answer, bool chunked, std::uint32_t items) {
  if (answer.failure) return std::vector<Item>(items, Item{{}, answer.failure});
  if (!chunked) return {Item{answer.value, nullptr}};
  Reader in(answer.value);
  in.array("chunk", 2);
  in.u64("failed");
  in.array("items", items);
  std::vector<Item> found;
  found.reserve(items);
  for (std::uint32_t i = 0; i < items && in.ok(); ++i) {
    if (is_array(in.peek())) {
      found.push_back({{}, read_failure(in)});
    } else {
      found.push_back({in.bin("item"), nullptr});
    }
  }
  if (!in.done()) return std::vector<Item>(items, Item{{}, not_a_chunk(in.error().message)});
  return found;
}

bool all_succeeded(const Answer& answer, bool chunked) {
  if (answer.failure || !chunked) return !answer.failure;
  Reader in(answer.value);
  in.array("chunk", 2);
  return in.u64("failed") == 0 && in.ok();
}

}  // namespace joinery::sdk
