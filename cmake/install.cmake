# What cmake --install puts in place: programs, config files, headers, library, find_package(joinery).
