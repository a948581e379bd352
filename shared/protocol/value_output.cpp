// Values to msgpack and to JSON.
#include <fmt/format.h>

#include <cmath>

#include "shared/base/utf8.h"
#include "shared/protocol/value.h"
#include "shared/protocol/writer.h"

namespace joinery::protocol {

class ValueWriter {
 public:
  template <typename Visit>
  static auto visit(const Value& value, Visit&& call) {
    return std::visit(std::forward<Visit>(call), value.is_);
  }
};

namespace {

void write(Writer& out, const Value& value);

struct ToMsgpack {
  Writer& out;
  void operator()(std::nullptr_t) { out.nil(); }
  void operator()(bool value) { out.boolean(value); }
  void operator()(std::int64_t value) { out.i64(value); }
  void operator()(std::uint64_t value) { out.u64(value); }
  void operator()(double value) { out.f64(value); }
  void operator()(const std::string& value) { out.str(value); }
  void operator()(const Value::Binary& value) { out.bin(value.bytes); }
  void operator()(const Value::Array& array) {
    out.array(array.size());
    for (const Value& one : array) write(out, one);
  }
  void operator()(const Value::Map& map) {
    out.map(map.size());
    for (const Value::Member& member : map) {
      out.str(member.key);
      write(out, member.value);
    }
  }
};

void write(Writer& out, const Value& value) { ValueWriter::visit(value, ToMsgpack{out}); }

std::string base64(Bytes bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t rest = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < rest ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(j <= rest ? digits[group >> (18 - 6 * j) & 63U] : '=');
    }
  }
  return out;
}

class ToJson {
 public:
  ToJson(std::string& out, bool indented) : out_(out), indented_(indented) {}

  void operator()(std::nullptr_t) { out_ += "null"; }
  void operator()(bool value) { out_ += value ? "true" : "false"; }
  void operator()(std::int64_t value) { out_ += fmt::to_string(value); }
  void operator()(std::uint64_t value) { out_ += fmt::to_string(value); }
  void operator()(double value) { out_ += std::isfinite(value) ? fmt::to_string(value) : "null"; }
  void operator()(const std::string& value) { text(value); }
  void operator()(const Value::Binary& value) {
    if (is_utf8(value.bytes)) return text(value.bytes);
    out_ += R"({"base64": ")" + base64(value.bytes) + "\"}";
  }
  void operator()(const Value::Array& array) {
    list('[', ']', array, [this](const Value& one) { ValueWriter::visit(one, *this); });
  }
  void operator()(const Value::Map& map) {
    list('{', '}', map, [this](const Value::Member& member) {
      text(member.key);
      out_ += ": ";
      ValueWriter::visit(member.value, *this);
    });
  }

 private:
  template <typename List, typename Each>
  void list(char open, char close, const List& elements, Each each) {
    out_ += open;
    ++level_;
    bool first = true;
    for (const auto& element : elements) {
      if (!first) out_ += indented_ ? "," : ", ";
      first = false;
      line();
      each(element);
    }
    --level_;
    if (!first) line();
    out_ += close;
  }

  void line() {
    if (indented_) out_.append(1, '\n').append(2 * level_, ' ');
  }

  // A string that is not UTF-8 has come from somewhere that should know better; JSON must be UTF-8 whatever
  // it says.
  void text(std::string_view value) {
    if (!is_utf8(value)) return text(base64(value));
    out_ += '"';
    for (char c : value) {
      switch (c) {
        case '"': out_ += "\\\""; break;
        case '\\': out_ += "\\\\"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        default:
          if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
          } else {
            out_ += c;
          }
      }
    }
    out_ += '"';
  }

  std::string& out_;
  bool indented_;
  std::size_t level_ = 0;
};

}  // namespace

void encode(const Value& value, Buffer& out) {
  Writer writer(out);
  write(writer, value);
}

Buffer encode(const Value& value) {
  Buffer out;
  encode(value, out);
  return out;
}

std::string to_json(const Value& value, bool indented) {
  std::string out;
  ToJson json(out, indented);
  ValueWriter::visit(value, json);
  return out;
}

}  // namespace joinery::protocol
