# SPDX-License-Identifier: MIT
#
# Checks the rules of the source tree that a compiler does not:
#
# - a file of engine/ includes only its own room and those below it, tools/ only
#   pix2pix.h and its own headers;
# - includes between the .c/.h pairs of engine/ and tools/ form no cycle, also not by
#   way of headers without a .c file;
# - outside engine/api/ no file of engine/ calls a function of pix2pix.h;
# - plan_build and exec_create are called by engine/graph/ and engine/program/program.c
#   only;
# - only engine/gpu/ names Vulkan, only engine/data/ includes stb, libpng, libjpeg,
#   libtiff, libwebp and utf8proc, only engine/formats/ libzip, only engine/base/ xxHash,
#   and only engine/base/, engine/settings/ and tools/output.h Jansson;
# - headers of the operating system appear only in os_*.c and tools/terminal_*.c;
# - a function of engine/ or tools/ has at most 80 lines, where ctags can count them;
# - the command prints through tools/output.c, but for texts of its own and pages;
# - every source file opens with its licence;
# - nothing names a folder of the machine it was written on.
#
# Run with cmake [-DROOT=FOLDER] -P tests/layers.cmake. tests/test_layers.cmake checks
# that each rule finds its violation.

cmake_minimum_required(VERSION 3.16)

if(NOT ROOT)
  set(ROOT ${CMAKE_CURRENT_LIST_DIR}/..)
endif()
get_filename_component(root "${ROOT}" ABSOLUTE)
set(errors 0)

macro(complain file text)
  message("${file}: ${text}")
  math(EXPR errors "${errors} + 1")
endmacro()

# Everything that is, or is about to be, part of the repository.
find_program(git git)
set(failed 1)
if(git AND EXISTS ${root}/.git)
  execute_process(
    COMMAND ${git} -c core.quotePath=off ls-files --cached --others --exclude-standard
    WORKING_DIRECTORY ${root} OUTPUT_VARIABLE listed RESULT_VARIABLE failed
    ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(failed EQUAL 0)
  string(REPLACE "\n" ";" files "${listed}")
else()
  file(GLOB_RECURSE files LIST_DIRECTORIES false RELATIVE ${root} ${root}/*)
  list(FILTER files EXCLUDE REGEX "^(build|demo|run|\\.git/)")
endif()
list(FILTER files INCLUDE REGEX
     "\\.(c|h|comp|glsl|cmake|txt|sh|py|md|in|supp|json|yml)$|^\\.ci/run$|^\\.git[a-z]+$")

# What each room may include: those below it, and itself. A room stands below another if
# it is in its list, so the lists leave no room for a circle of rooms.
set(may_base base)
set(may_formats ${may_base} formats)
set(may_data ${may_base} data)
set(may_gpu ${may_base} gpu shared)
set(may_tensor ${may_gpu} tensor)
set(may_ops ${may_tensor} ops)
set(may_graph ${may_ops} graph)
set(may_program ${may_graph} program)
set(may_models ${may_graph} models)
set(may_settings ${may_models} data settings)
set(may_dataset ${may_settings} dataset)
set(may_store ${may_settings} formats store)
set(may_translate ${may_store} program translate)
set(may_evaluate ${may_translate} evaluate)
set(may_train ${may_evaluate} train)
set(may_bench ${may_train} bench)
set(may_selftest ${may_bench} selftest)
set(may_api ${may_selftest} dataset api)

# The functions of the public header.
set(public_functions "")
if(EXISTS ${root}/include/pix2pix.h)
  file(STRINGS ${root}/include/pix2pix.h lines REGEX "^PIX_API ")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "(pix_[a-z0-9_]+)\\(" found "${line}")
    list(APPEND public_functions ${CMAKE_MATCH_1})
  endforeach()
endif()

# <signal.h> is standard C, but what a signal means is the system's affair.
set(system_headers "unistd|pthread|windows|io|direct|fcntl|dirent|signal|dlfcn|termios\
|poll|process|share|conio|sched|glob|fnmatch|spawn|winsock2|fileapi|shlobj|sys/[a-z0-9_]+")

# The text without comments and strings, so that what is named in them does not count.
function(strip_code text result)
  string(REGEX REPLACE "\\\\." "" text "${text}")
  string(REGEX REPLACE "\"[^\"\n]*\"" "\"\"" text "${text}")
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# Complains if an identifier of the code is in a list of names.
macro(refuse_names file code names text)
  string(REGEX MATCHALL "[A-Za-z_][A-Za-z0-9_]*" words "${code}")
  list(REMOVE_DUPLICATES words)
  foreach(word IN LISTS words)
    if(word IN_LIST ${names})
      complain(${file} "names ${word}: ${text}")
    endif()
  endforeach()
endmacro()

# What prints without escaping what a terminal would obey, and the files that may: they
# print what the program itself says, or what was escaped when it was read, or write a
# file of data (csv).
set(print_functions printf fprintf vprintf vfprintf puts fputs putchar putc fputc)
set(may_print output help manual csv bench/table bench/file page/html
    page/script)

set(program_functions plan_build exec_create)
set(nodes "")    # of the graph of includes: paths without an ending
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

  set(room "")
  if(file MATCHES "^engine/([a-z]+)/")
    set(room ${CMAKE_MATCH_1})
  endif()
  if(file MATCHES "^engine/" AND NOT DEFINED may_${room})
    complain(${file} "is in no room that tests/layers.cmake knows")
    continue()
  endif()

  strip_code("${text}" code)
  if(file MATCHES "^engine/" AND NOT room STREQUAL "api")
    refuse_names(${file} "${code}" public_functions
      "only engine/api/ calls functions of pix2pix.h")
  endif()
  if(NOT file MATCHES "^include/|^engine/graph/|^engine/program/program\\.c$")
    refuse_names(${file} "${code}" program_functions
      "engine/program/program.h makes a graph ready to run")
  endif()

  string(REGEX REPLACE "^tools/(.*)\\.[ch]$" "\\1" stem "${file}")
  if(file MATCHES "^tools/.*\\.c$" AND NOT stem IN_LIST may_print)
    refuse_names(${file} "${code}" print_functions
      "tools/output.h prints what a user or a file may have named")
  endif()

  # A .c file and its header are one node.
  string(REGEX REPLACE "\\.[ch]$" "" node "${file}")
  if(NOT node IN_LIST nodes)
    list(APPEND nodes ${node})
    set("edges_${node}" "")
  endif()
  get_filename_component(folder_of_file ${root}/${file} DIRECTORY)

  file(STRINGS ${root}/${file} includes REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]*)[>\"].*" "\\1\\2"
           header "${line}")
    if(header MATCHES "^<(.*)")
      set(header ${CMAKE_MATCH_1})
      if(header MATCHES "^(${system_headers})\\.h$" AND
         NOT file MATCHES "^engine/base/os_[a-z0-9_]+\\.[ch]$" AND
         NOT file MATCHES "^tools/terminal_[a-z0-9]+\\.c$")
        complain(${file} "includes <${header}>: calls to the operating system belong \
into engine/base/os_*.c or tools/terminal_*.c")
      endif()
    else()
      string(SUBSTRING "${header}" 1 -1 header)
    endif()

    foreach(folder ${root}/engine ${root}/tools ${folder_of_file})
      if(EXISTS ${folder}/${header})
        file(RELATIVE_PATH target ${root} ${folder}/${header})
        string(REGEX REPLACE "\\.h$" "" target "${target}")
        if(NOT target STREQUAL node)
          list(APPEND "edges_${node}" ${target})
        endif()
        break()
      endif()
    endforeach()

    string(REGEX REPLACE "/.*" "" folder "${header}")
    if(header MATCHES "^(volk|vulkan)" AND NOT file MATCHES "^engine/gpu/")
      complain(${file} "includes ${header}: only engine/gpu/ calls Vulkan")
    elseif(header MATCHES "^stb" AND NOT file MATCHES "^engine/data/")
      complain(${file} "includes ${header}: only engine/data/ uses stb")
    elseif(header STREQUAL "utf8proc.h" AND NOT file MATCHES "^engine/data/")
      complain(${file} "includes ${header}: only engine/data/ uses utf8proc")
    elseif(header MATCHES "^(png|jpeglib|jerror|tiff|tiffio|turbojpeg)\\.h$|^webp/" AND
           NOT file MATCHES "^engine/data/")
      complain(${file} "includes ${header}: only engine/data/ uses libraries of images")
    elseif(header MATCHES "^jansson" AND
           NOT file MATCHES "^(engine/base/|engine/settings/|tools/output\\.h$)")
      complain(${file} "includes ${header}: base/json.h and tools/output.h bring it")
    elseif(header STREQUAL "zip.h" AND NOT file MATCHES "^engine/formats/")
      complain(${file} "includes ${header}: only engine/formats/ uses libzip")
    elseif(header MATCHES "^xxh" AND NOT file MATCHES "^engine/base/")
      complain(${file} "includes ${header}: only engine/base/ uses xxHash")
    elseif(header MATCHES "/" AND
           (EXISTS ${root}/engine/${header} OR EXISTS ${root}/shaders/${header}))
      if(file MATCHES "^include/" OR
         (file MATCHES "^tools/" AND NOT EXISTS ${root}/tools/${header}))
        complain(${file} "includes ${header}: it may use pix2pix.h only")
      elseif(file MATCHES "^engine/" AND NOT folder IN_LIST may_${room})
        complain(${file} "includes ${header}: ${folder} is not below ${room}")
      endif()
    endif()
  endforeach()
endforeach()

# What a header without a .c file includes counts for those who include it: such a header
# may bring that of the pair which it is an inside of.
set(pairs "")
foreach(node IN LISTS nodes)
  if(EXISTS ${root}/${node}.c OR NOT EXISTS ${root}/${node}.h)
    list(APPEND pairs ${node})
  endif()
endforeach()
foreach(node IN LISTS pairs)
  set(seen "")
  set(work ${edges_${node}})
  set(reached "")
  while(work)
    list(POP_FRONT work target)
    if(target IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${target})
    if(target IN_LIST pairs)
      list(APPEND reached ${target})
    else()
      list(APPEND work ${edges_${target}})
    endif()
  endwhile()
  list(REMOVE_ITEM reached ${node})
  set("reached_${node}" ${reached})
endforeach()

# Cycles of includes: what includes nothing that is left is taken away until nothing
# changes. What stays is on a cycle or leads to one.
set(left ${pairs})
set(changed TRUE)
while(changed)
  set(changed FALSE)
  foreach(node IN LISTS left)
    set(open FALSE)
    foreach(target IN LISTS "reached_${node}")
      if(target IN_LIST left)
        set(open TRUE)
        break()
      endif()
    endforeach()
    if(NOT open)
      list(REMOVE_ITEM left ${node})
      set(changed TRUE)
    endif()
  endforeach()
endwhile()
if(left)
  list(GET left 0 node)
  set(walk "")
  while(NOT node IN_LIST walk)
    list(APPEND walk ${node})
    foreach(target IN LISTS "reached_${node}")
      if(target IN_LIST left)
        set(node ${target})
        break()
      endif()
    endforeach()
  endwhile()
  list(FIND walk ${node} first)
  list(SUBLIST walk ${first} -1 walk)
  list(JOIN walk " -> " cycle)
  complain(${node} "is in a cycle of includes: ${cycle} -> ${node}")
endif()

# Functions of more than 80 lines. Pickle's machine is one flat switch.
set(long_functions engine/formats/pickle.c:step)
find_program(ctags NAMES ctags-universal ctags)
set(failed 1)
if(ctags)
  set(sources ${files})
  list(FILTER sources INCLUDE REGEX "^(engine|tools)/.*\\.c$")
  list(JOIN sources "\n" sources)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${sources}"
    COMMAND ${ctags} -x --c-kinds=f "--_xformat=%F:%N:%n:%{end}" -L -
    WORKING_DIRECTORY ${root} OUTPUT_VARIABLE functions RESULT_VARIABLE failed ERROR_QUIET)
endif()
if(failed EQUAL 0)
  string(REGEX MATCHALL "[^\n]+" functions "${functions}")
  foreach(function IN LISTS functions)
    if(function MATCHES "^((.*):[^:]*):([0-9]+):([0-9]+)$")
      math(EXPR length "${CMAKE_MATCH_4} - ${CMAKE_MATCH_3} + 1")
      if(length GREATER 80 AND NOT CMAKE_MATCH_1 IN_LIST long_functions)
        complain(${CMAKE_MATCH_1} "has ${length} lines, a function at most 80")
      endif()
    endif()
  endforeach()
else()
  message(STATUS "layers: no universal ctags, the length of functions is not checked")
endif()

if(errors GREATER 0)
  message(FATAL_ERROR "layers: ${errors} errors in ${checked} files")
endif()
message(STATUS "layers: ${checked} files keep the rules")
