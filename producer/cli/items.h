// What map makes jobs of: lines, NUL-separated items or JSON lines of a stream, or arguments. Holds one chunk
// of the stream at a time.
#pragma once

#include <string>
#include <vector>

#include "shared/base/error.h"

namespace joinery::cli {

class Items {
 public:
  // Reads from a descriptor up to `separator`. Empty items are left out.
  Items(int descriptor, char separator);
  explicit Items(std::vector<std::string> arguments);

  // false: there are no more. io_error if the stream cannot be read. May block, unless at_hand().
  Result<bool> next(std::string& item);
  // Whether the next item has been read already: if not, what is collected should be sent before next().
  bool at_hand() const;
  // Of the last item: "line 3 of stdin".
  std::string place() const;

 private:
  Result<> fill();

  int descriptor_ = -1;
  char separator_ = '\n';
  bool ended_ = true;
  std::string buffer_;
  std::size_t start_ = 0;  // of what has not been taken from the buffer
  std::vector<std::string> arguments_;
  std::uint64_t number_ = 0;
};

}  // namespace joinery::cli
