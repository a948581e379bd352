# What cmake --install puts in place: programs, config files, and the SDK (headers, libraries, find_package(joinery)).
# Headers keep their paths below include/joinery, so that <joinery/worker.h> and "shared/job/job.h" mean the same
# file as in this tree.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(joinery_headers "${CMAKE_INSTALL_INCLUDEDIR}/joinery")
set(joinery_package "${CMAKE_INSTALL_LIBDIR}/cmake/joinery")

# joinery::joinery is all that a user's project names.
add_library(joinery_sdk INTERFACE)
set_target_properties(joinery_sdk PROPERTIES EXPORT_NAME joinery)
target_link_libraries(joinery_sdk INTERFACE joinery_producer_sdk)

get_property(layers GLOBAL PROPERTY joinery_layers)
list(FILTER layers EXCLUDE REGEX "^joinery_(broker|tests|bench|producer_cli$)")
install(TARGETS joinery_sdk joinery_msgpack joinery_toml ${layers} EXPORT joinery_targets COMPONENT sdk ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT joinery_targets FILE joinery-targets.cmake NAMESPACE joinery:: DESTINATION "${joinery_package}" COMPONENT sdk)
configure_package_config_file(cmake/joinery-config.cmake.in "${PROJECT_BINARY_DIR}/joinery-config.cmake" INSTALL_DESTINATION "${joinery_package}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/joinery-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/joinery-config.cmake" "${PROJECT_BINARY_DIR}/joinery-config-version.cmake"
        DESTINATION "${joinery_package}" COMPONENT sdk)

install(DIRECTORY worker/sdk/joinery worker/http/joinery producer/client/joinery producer/sdk/joinery shared/manager/joinery shared/locks/joinery shared/values/joinery
        DESTINATION "${joinery_headers}" COMPONENT sdk FILES_MATCHING PATTERN "*.h")
# Without the public headers among them: one copy of each, for #pragma once.
install(DIRECTORY shared DESTINATION "${joinery_headers}" COMPONENT sdk FILES_MATCHING PATTERN "*.h" PATTERN "joinery" EXCLUDE)
install(DIRECTORY worker/handlers worker/waiting DESTINATION "${joinery_headers}/worker" COMPONENT sdk FILES_MATCHING PATTERN "*.h")

foreach(program joinery joinery-broker joinery-worker)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
  endif()
endforeach()
# The programs look in /etc/joinery: for a package, -DCMAKE_INSTALL_SYSCONFDIR=/etc.
install(DIRECTORY config/ DESTINATION "${CMAKE_INSTALL_SYSCONFDIR}/joinery" COMPONENT config FILES_MATCHING PATTERN "*.toml")
