# SPDX-License-Identifier: MIT
#
# Checks the rules of the house that a compiler does not:
#
# - a file of engine/ includes only its own layer and those below it, tools/ only
#   pix2pix.h and its own headers;
# - only engine/gpu/ names Vulkan, only engine/data/ includes stb, Jansson comes by
#   engine/base/json.h or tools/output.h, and libzip stays in engine/formats/archive.c;
# - headers of the operating system appear only in os_*.c and tools/terminal_*.c;
# - every source file opens with its licence;
# - nothing names a folder of the machine it was written on.
#
# Run with cmake -P tests/layers.cmake.

cmake_minimum_required(VERSION 3.16)

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(errors 0)

function(complain file text)
  message("${file}: ${text}")
  math(EXPR errors "${errors} + 1")
  set(errors ${errors} PARENT_SCOPE)
endfunction()

# Everything that is, or is about to be, part of the repository.
find_program(git git)
set(failed 1)
if(git)
  execute_process(
    COMMAND ${git} -c core.quotePath=off ls-files --cached --others --exclude-standard
    WORKING_DIRECTORY ${root} OUTPUT_VARIABLE listed RESULT_VARIABLE failed
    ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(failed EQUAL 0)
  string(REPLACE "\n" ";" files "${listed}")
else()
  file(GLOB_RECURSE files RELATIVE ${root} ${root}/*)
  list(FILTER files EXCLUDE REGEX "^(build|demo|run|\\.git/)")
endif()
list(FILTER files INCLUDE REGEX
     "\\.(c|h|comp|glsl|cmake|txt|sh|py|md|in|supp|json|yml)$|^\\.ci/run$|^\\.git[a-z]+$")

# What each layer may include: the folders below it, and its own.
set(may_base base)
set(may_formats ${may_base} formats)
set(may_gpu ${may_base} gpu shared)
set(may_tensor ${may_gpu} tensor)
set(may_ops ${may_tensor} ops)
set(may_graph ${may_ops} graph)
set(may_models ${may_graph} models)
set(may_data base data)
set(may_train ${may_models} formats data train settings store program translate evaluate bench)
set(may_bench ${may_train})
set(may_evaluate ${may_train})
set(may_translate ${may_train})
set(may_program ${may_train})
set(may_store ${may_train})
set(may_settings ${may_train})
set(may_api ${may_train} api)
set(may_top ${may_train})

# <signal.h> is standard C, but what a signal means is the system's affair.
set(system_headers "unistd|pthread|windows|io|direct|fcntl|dirent|signal|dlfcn|termios\
|poll|process|share|conio|sched|glob|fnmatch|spawn|winsock2|fileapi|shlobj|sys/[a-z0-9_]+")

set(checked 0)
foreach(file IN LISTS files)
  if(NOT EXISTS ${root}/${file})
    continue()    # deleted, and not committed yet
  endif()
  math(EXPR checked "${checked} + 1")
  file(READ ${root}/${file} text)

  # Folders of a machine. ${TMPDIR:-/tmp} is a proper way to ask for one.
  string(REGEX MATCHALL "[^A-Za-z0-9_./-]/(work|root|tmp|home)[/ \"'\n][^\n]*" found
         "\n${text}")
  if(found)
    list(GET found 0 first)
    string(STRIP "${first}" first)
    complain(${file} "names a folder of this machine: ${first}")
  endif()

  if(file MATCHES "\\.(c|h|comp|glsl|sh|py|cmake)$" OR file MATCHES "CMakeLists\\.txt$")
    string(SUBSTRING "${text}" 0 200 head)
    if(NOT head MATCHES "SPDX-License-Identifier: MIT")
      complain(${file} "does not open with an SPDX line")
    endif()
  endif()

  if(NOT file MATCHES "^(engine|tools|include)/.*\\.[ch]$")
    continue()
  endif()

  if(NOT file MATCHES "^engine/gpu/")
    string(REGEX MATCH "[^A-Za-z0-9_](vk[A-Z][A-Za-z0-9]*|Vk[A-Z][A-Za-z0-9]*)" found
           "${text}")
    if(found)
      complain(${file} "names ${CMAKE_MATCH_1}: only engine/gpu/ calls Vulkan")
    endif()
  endif()

  set(layer top)
  if(file MATCHES "^engine/([a-z]+)/")
    set(layer ${CMAKE_MATCH_1})
    if(NOT DEFINED may_${layer})
      complain(${file} "lies in a layer that tests/layers.cmake does not know")
      continue()
    endif()
  endif()

  file(STRINGS ${root}/${file} includes REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]*)[>\"].*" "\\1\\2"
           header "${line}")
    if(header MATCHES "^<(.*)")
      set(header ${CMAKE_MATCH_1})
      if(header MATCHES "^(${system_headers})\\.h$" AND
         NOT file MATCHES "^engine/base/os_[a-z0-9]+\\.c$" AND
         NOT file MATCHES "^tools/terminal_[a-z0-9]+\\.c$")
        complain(${file} "includes <${header}>: calls to the operating system belong \
into engine/base/os_*.c or tools/terminal_*.c")
      endif()
    else()
      string(SUBSTRING "${header}" 1 -1 header)
    endif()

    string(REGEX REPLACE "/.*" "" folder "${header}")
    if(header MATCHES "^(volk|vulkan)" AND NOT file MATCHES "^engine/gpu/")
      complain(${file} "includes ${header}: only engine/gpu/ calls Vulkan")
    elseif(header MATCHES "^stb" AND NOT file MATCHES "^engine/data/")
      complain(${file} "includes ${header}: only engine/data/ uses stb")
    elseif(header MATCHES "^jansson" AND
           NOT file MATCHES "^(engine/base/json|tools/output)\\.h$")
      complain(${file} "includes ${header}: base/json.h and tools/output.h bring it")
    elseif(header MATCHES "^<?zip\\.h" AND NOT file STREQUAL "engine/formats/archive.c")
      complain(${file} "includes ${header}: formats/archive.h brings what there is of it")
    elseif(header MATCHES "/" AND
           (EXISTS ${root}/engine/${header} OR EXISTS ${root}/shaders/${header}))
      if(file MATCHES "^include/" OR
         (file MATCHES "^tools/" AND NOT EXISTS ${root}/tools/${header}))
        complain(${file} "includes ${header}: it may use pix2pix.h only")
      elseif(NOT folder IN_LIST may_${layer})
        complain(${file} "includes ${header}: ${folder} is not below ${layer}")
      endif()
    endif()
  endforeach()
endforeach()

if(errors GREATER 0)
  message(FATAL_ERROR "layers: ${errors} errors in ${checked} files")
endif()
message(STATUS "layers: ${checked} files keep the rules")
