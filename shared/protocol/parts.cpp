#include "shared/protocol/parts.h"

#include <fmt/format.h>

namespace joinery::protocol {

void put(Writer& out, const Token& token) {
  out.array(3);
  out.u64(token.job);
  out.u64(token.attempt);
  out.u64(token.epoch);
}

Token token(Reader& in, const char* field) {
  Token token;
  in.array(field, 3);
  token.job = in.u64("token.job");
  token.attempt = in.u32("token.attempt");
  token.epoch = in.u32("token.epoch");
  return token;
}

void put(Writer& out, const KeyHold& hold) {
  out.str(hold.key);
  out.map(std::size_t{hold.interval_ms.has_value()} + hold.until_ms.has_value());
  if (hold.interval_ms) {
    out.str("interval_ms");
    out.u64(*hold.interval_ms);
  }
  if (hold.until_ms) {
    out.str("until_ms");
    out.i64(*hold.until_ms);
  }
}

KeyHold key_hold(Reader& in) {
  KeyHold hold;
  hold.key = in.str("key");
  const std::uint32_t members = in.map("options");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("options' key");
    if (key == "interval_ms") {
      hold.interval_ms = in.u64("options.interval_ms");
    } else if (key == "until_ms") {
      hold.until_ms = in.i64("options.until_ms");
    } else {
      unknown_key(in, "options", key);
    }
  }
  if (!in.ok()) return hold;
  if (const auto valid = validate(hold); !valid)
    in.refuse(valid.error().code, valid.error().message, valid.error().field);
  return hold;
}

void put(Writer& out, const std::vector<Token>& tokens) {
  out.array(tokens.size());
  for (const Token& token : tokens) put(out, token);
}

void tokens(Reader& in, const char* field, std::vector<Token>& out) {
  out.resize(in.array(field));
  for (Token& one : out) {
    one = token(in, field);
    if (!in.ok()) return;
  }
}

void put(Writer& out, const std::vector<JobId>& jobs) {
  out.array(jobs.size());
  for (JobId job : jobs) out.u64(job);
}

void job_ids(Reader& in, const char* field, std::vector<JobId>& out) {
  out.resize(in.array(field));
  for (JobId& job : out) job = in.u64(field);
}

void put(Writer& out, const std::vector<std::string>& texts) {
  out.array(texts.size());
  for (const std::string& text : texts) out.str(text);
}

// Whatever a frame says that there is: memory comes as its bytes do.
constexpr std::uint32_t texts_at_once = 1024;

void texts(Reader& in, const char* field, std::vector<std::string>& out) {
  const std::uint32_t count = in.array(field);
  out.clear();
  // A string takes 32 bytes here, and may be one on the wire.
  if (count > limits::jobs_per_frame_max) {
    return in.refuse(
        Code::invalid_argument,
        fmt::format("{} has {} elements, expected at most {}", field, count, limits::jobs_per_frame_max),
        field);
  }
  out.reserve(std::min(count, texts_at_once));
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) out.emplace_back(in.str(field));
}

Code code(Reader& in, const char* field) { return code_from_number(in.u64(field)); }

void unknown_key(Reader& in, const char* map, Bytes key) {
  std::string field = fmt::format("{}.{}", map, key.substr(0, limits::name_max));
  in.refuse(Code::unknown_field, fmt::format("{} is not known", field), field);
}

void put(Writer& out, const Failure& failure) {
  if (failure == Failure{}) return out.nil();
  const std::pair<const char*, const std::string*> texts[] = {
      {"type", &failure.type}, {"message", &failure.message}, {"where", &failure.where}};
  std::size_t members = 1 + !failure.dossier.empty();
  for (const auto& [key, text] : texts) members += !text->empty();
  out.map(members);
  out.str("code");
  out.u64(static_cast<std::uint64_t>(failure.code));
  for (const auto& [key, text] : texts) {
    if (text->empty()) continue;
    out.str(key);
    out.str(*text);
  }
  if (failure.dossier.empty()) return;
  out.str("dossier");
  out.bin(failure.dossier);
}

Failure failure(Reader& in, const char* field) {
  Failure failure;
  if (in.nil()) return failure;
  const std::uint32_t members = in.map(field);
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("failure's key");
    if (key == "code") {
      failure.code = code(in, "failure.code");
    } else if (key == "type") {
      failure.type = in.str("failure.type");
    } else if (key == "message") {
      failure.message = in.str("failure.message");
    } else if (key == "where") {
      failure.where = in.str("failure.where");
    } else if (key == "dossier") {
      failure.dossier = in.bin("failure.dossier");
    } else {
      in.raw("failure");
    }
  }
  return failure;
}

}  // namespace joinery::protocol
