#include "shared/base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace joinery {

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i++]);
    if (lead < 0x80) continue;
    std::size_t more = 0;
    std::uint32_t point = 0;
    std::uint32_t least = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1, point = lead & 0x1fU, least = 0x80;
    } else if ((lead & 0xf0U) == 0xe0) {
      more = 2, point = lead & 0x0fU, least = 0x800;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3, point = lead & 0x07U, least = 0x10000;
    } else {
      return false;
    }
    if (bytes.size() - i < more) return false;
    for (; more > 0; --more) {
      const auto next = static_cast<unsigned char>(bytes[i++]);
      if ((next & 0xc0U) != 0x80) return false;
      point = point << 6U | (next & 0x3fU);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

std::string readable(std::string_view text, std::size_t most) {
  std::size_t size = std::min(text.size(), most);
  // Not in the middle of a character.
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) --size;
  std::string kept(text.substr(0, size));
  if (!is_utf8(kept)) {
    std::ranges::replace_if(
        kept, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return kept;
}

}  // namespace joinery
