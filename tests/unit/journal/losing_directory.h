// A directory that forgets to sync, at one of the places where the journal does: a place is named by the
// file, or by the last change of a name before the directory is synced.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "broker/journal/storage.h"

namespace joinery::broker::testing {

// Is asked "segment-0000000000000001" when that is opened, "directory after rename checkpoint.new" when the
// directory is synced; and told "rename checkpoint.new" (create, remove), whatever it answers.
using Loses = std::function<bool(std::string_view point)>;

std::unique_ptr<journal::Directory> losing(std::unique_ptr<journal::Directory> directory, Loses loses);

}  // namespace joinery::broker::testing
