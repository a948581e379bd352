// What a program does about its descriptors before anything else.
#pragma once

namespace joinery {

// A program that was started with stdin, stdout or stderr closed would get their numbers for its next files
// and sockets, and write its log into them: whatever is closed of the three becomes /dev/null. First in main.
void fill_standard_descriptors();

}  // namespace joinery
