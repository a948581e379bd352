// Handlers in a shared object.
//
//   joinery-worker --plugin ./libtext.so
#include <joinery/plugin.h>

#include <algorithm>
#include <cctype>

JOINERY_PLUGIN(registry) {
  using joinery::handlers::typed;
  registry.add("text.upper", typed([](std::string text) {
                 std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
                 return text;
               }));
  registry.add("text.lines", typed([](std::string_view text) { return std::ranges::count(text, '\n'); }));
}
