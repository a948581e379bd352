// Escapes of URLs: %41.
#pragma once

#include <string>
#include <string_view>

namespace crawler {

// Value of a hex digit; -1: it is none.
int hex_digit(char c);
// What escapes stand for. A % without two hex digits stays.
std::string unescape(std::string_view text);
// Appends the text with what a URL may not have escaped: controls, spaces, what is not ASCII, and `also`.
// Escapes that are there already are brought into their normal form.
void append_escaped(std::string& out, std::string_view text, std::string_view also);

}  // namespace crawler
