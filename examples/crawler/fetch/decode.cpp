#include "fetch/decode.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <memory>
#include <vector>

#include "page/text.h"

namespace crawler {
namespace {

using Decoded = std::expected<std::string, std::string>;

Decoded too_large() { return std::unexpected("it is too large when unpacked"); }

// `window_bits` as zlib has them: 32 + 15 is gzip or zlib by its head, -15 raw deflate.
Decoded inflated(std::string_view body, int window_bits, std::size_t size_max) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return std::unexpected("no memory for zlib");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  char buffer[65'536];
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    const int status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
    if (out.size() > size_max) return too_large();
    if (status == Z_STREAM_END) {
      // A gzip file may be several in a row.
      if (window_bits < 0 || stream.avail_in < 2 || stream.next_in[0] != 0x1f || stream.next_in[1] != 0x8b)
        return out;
      inflateReset(&stream);
    } else if (status != Z_OK) {
      return std::unexpected(status == Z_BUF_ERROR ? "gzip that ends too early" : "damaged gzip");
    }
  }
}

Decoded unbrotlied(std::string_view body, std::size_t size_max) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  const auto* in = reinterpret_cast<const std::uint8_t*>(body.data());
  std::size_t left = body.size();
  std::string out;
  std::uint8_t buffer[65'536];
  while (true) {
    std::uint8_t* next = buffer;
    std::size_t room = sizeof buffer;
    const auto status = BrotliDecoderDecompressStream(state.get(), &left, &in, &room, &next, nullptr);
    out.append(reinterpret_cast<const char*>(buffer), sizeof buffer - room);
    if (out.size() > size_max) return too_large();
    if (status == BROTLI_DECODER_RESULT_SUCCESS) return out;
    if (status == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
      return std::unexpected("brotli that ends too early");
    if (status == BROTLI_DECODER_RESULT_ERROR) return std::unexpected("damaged brotli");
  }
}

Decoded decode_one(std::string body, std::string_view encoding, std::size_t size_max) {
  if (body.empty() || same_word(encoding, "identity")) return body;
  if (same_word(encoding, "gzip") || same_word(encoding, "x-gzip")) return inflated(body, 32 + 15, size_max);
  if (same_word(encoding, "br")) return unbrotlied(body, size_max);
  if (same_word(encoding, "deflate")) {
    // With the head of zlib, as RFC 9110 has it, or without, as many servers have it.
    if (Decoded out = inflated(body, 32 + 15, size_max)) return out;
    return inflated(body, -15, size_max);
  }
  return std::unexpected("encoded as " + std::string(encoding.substr(0, 40)) + ", which nobody asked for");
}

}  // namespace

Decoded decode(std::string body, std::string_view encodings, std::size_t size_max) {
  std::vector<std::string_view> applied;
  each_part(encodings, ",", [&](std::string_view part) { applied.push_back(part); });
  Decoded out = std::move(body);
  for (; !applied.empty() && out; applied.pop_back())
    out = decode_one(std::move(*out), applied.back(), size_max);
  return out;
}

}  // namespace crawler
