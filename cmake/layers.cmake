# joinery_layer(FOLDER SOURCES ... KNOWS ... [PRIVATE ...])
#
# Declares the folder FOLDER as the library target named after it (broker/core -> joinery_broker_core). Sources include headers by
# their path from the root ("broker/core/core.h"), and such a path resolves only if the target KNOWS the folder: each
# folder's headers are reached through a directory of its own in the build tree, which only its users have on their
# include path. So who may know whom (docs/architecture.md) is a fact of the build, not a promise.
#
# KNOWS names folders (shared/base) or targets of dependencies; users inherit them. PRIVATE ones stay inside the .cpp files.
function(joinery_layer folder)
  cmake_parse_arguments(layer "" "" "SOURCES;KNOWS;PRIVATE" ${ARGN})
  joinery_target_name(name ${folder})
  set(root "${PROJECT_BINARY_DIR}/layers/${name}")
  get_filename_component(parent "${root}/${folder}" DIRECTORY)
  file(MAKE_DIRECTORY "${parent}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${folder}" "${root}/${folder}" SYMBOLIC)

  set(kind PUBLIC)
  if(layer_SOURCES)
    add_library(${name} STATIC ${layer_SOURCES})
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:joinery_warnings>)
  else()
    add_library(${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  add_library(joinery::${name} ALIAS ${name})
  set_property(GLOBAL APPEND PROPERTY joinery_layers ${name})
  target_compile_features(${name} ${kind} cxx_std_23)
  target_include_directories(${name} ${kind} $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:include/joinery>)
  foreach(known IN LISTS layer_KNOWS)
    joinery_resolve(target ${known})
    target_link_libraries(${name} ${kind} ${target})
  endforeach()
  foreach(known IN LISTS layer_PRIVATE)
    joinery_resolve(target ${known})
    target_link_libraries(${name} PRIVATE ${target})
  endforeach()
endfunction()

# joinery_program(NAME SOURCES ... KNOWS ...): an executable on top of layers, built into bin/ so that the programs find each other.
function(joinery_program name)
  cmake_parse_arguments(program "" "" "SOURCES;KNOWS" ${ARGN})
  add_executable(${name} ${program_SOURCES})
  target_link_libraries(${name} PRIVATE joinery_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  foreach(known IN LISTS program_KNOWS)
    joinery_resolve(target ${known})
    target_link_libraries(${name} PRIVATE ${target})
  endforeach()
endfunction()

set(JOINERY_TEST_PATIENCE 1 CACHE STRING "How many times its usual time a test may take, a whole number: sanitizers are slow")

# joinery_test(NAME SOURCES ... KNOWS ... [OVER_TCP_TOO]): a GoogleTest program; each TEST is a test of ctest's, so that they run in parallel.
# OVER_TCP_TOO: those with a Stack run a second time, with its broker on tcp, where ZeroMQ carries what unix sockets carry else.
function(joinery_test name)
  cmake_parse_arguments(test "OVER_TCP_TOO" "TIMEOUT" "SOURCES;KNOWS;LABELS" ${ARGN})
  joinery_program(${name} SOURCES ${test_SOURCES} KNOWS ${test_KNOWS} GTest::gmock_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin")
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 120)
  endif()
  math(EXPR test_TIMEOUT "${test_TIMEOUT} * ${JOINERY_TEST_PATIENCE}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${test_TIMEOUT} LABELS "${test_LABELS}")
  if(test_OVER_TCP_TOO)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 TEST_PREFIX OverTcp.
      PROPERTIES TIMEOUT ${test_TIMEOUT} ENVIRONMENT JOINERY_TEST_TRANSPORT=tcp LABELS "${test_LABELS}")
  endif()
endfunction()

function(joinery_target_name out folder)
  string(REPLACE "/" "_" name "${folder}")
  string(REGEX REPLACE "^shared_" "" name "${name}")
  set(${out} "joinery_${name}" PARENT_SCOPE)
endfunction()

function(joinery_resolve out known)
  if(known MATCHES "^(broker|worker|producer|shared|tests|bench)/")
    joinery_target_name(name ${known})
    set(${out} ${name} PARENT_SCOPE)
  else()
    set(${out} ${known} PARENT_SCOPE)
  endif()
endfunction()

add_library(joinery_warnings INTERFACE)
target_compile_options(joinery_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-qual -Wimplicit-fallthrough -Werror
  # g++ 12 warns of std::string's own operator+ when it optimizes (GCC bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>)
