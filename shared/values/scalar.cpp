// The string beneath Value and Counter.
#include "shared/values/core.h"

namespace joinery::values {

void Scalar::make(Bytes element) { ask({"SET", key(), Buffer(element), "NX"}); }
// SET would replace a container of another kind without a word: GET refuses it.
void Scalar::put(Bytes element) { ask({"SET", key(), Buffer(element), "KEEPTTL", "GET"}); }
void Scalar::put_fenced(Bytes element, std::uint64_t fence) { fenced(fence, {"set", element}); }

}  // namespace joinery::values
