// Bounds how deep elements of a page are nested. The parser's time grows with the square of the depth, and it
// frees its tree recursively: a hostile page of a few hundred kilobytes would take minutes, or the stack.
#pragma once

#include <string>
#include <string_view>

namespace crawler {

// The page without those tags, beyond some hundred that were opened and not closed, that lead nowhere (<div>,
// <b>, ...); cut where even the others are too many. Empty: the page is harmless as it is.
std::string with_bounded_nesting(std::string_view html);

}  // namespace crawler
