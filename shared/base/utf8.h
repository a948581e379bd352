// Whether bytes are text, and how to make text of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace joinery {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

// The text as it may be shown anywhere: at most `most` bytes, cut between characters, and UTF-8; if it is
// not, every byte that is not ASCII becomes '?'.
std::string readable(std::string_view text, std::size_t most = 4096);

}  // namespace joinery
