# SPDX-License-Identifier: MIT
#
# Checks tests/layers.cmake: a small made-up tree keeps every rule, and with one violation
# planted at a time exactly that one is named.
#
# Run with cmake -DSCRATCH=FOLDER -P tests/test_layers.cmake. The folder is emptied.

cmake_minimum_required(VERSION 3.16)

if(NOT SCRATCH)
  message(FATAL_ERROR "test_layers: -DSCRATCH=FOLDER is missing")
endif()
set(root ${SCRATCH}/tree)
set(licence "// SPDX-License-Identifier: MIT\n")
set(failures 0)

# Runs the checker; its exit code and all that it printed.
macro(check_tree)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -DROOT=${root} -P ${CMAKE_CURRENT_LIST_DIR}/layers.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE printed ERROR_VARIABLE printed_err)
  string(APPEND printed "${printed_err}")
endmacro()

# A tree that keeps the rules: a room includes one below it, a public type is used below
# engine/api/, a header is an inside of a pair, and forbidden names stand in a comment and
# in a string.
function(make_tree)
  file(REMOVE_RECURSE ${root})
  file(WRITE ${root}/include/pix2pix.h
    "${licence}struct pix_plan { int n; };\nPIX_API bool pix_run(struct pix_plan *p);\n")
  file(WRITE ${root}/engine/api/run.c
    "${licence}#include \"train/run.h\"\nbool pix_run(struct pix_plan *p)\n{\n    return run(p);\n}\n")
  file(WRITE ${root}/engine/train/run.h
    "${licence}#include \"pix2pix.h\"\nbool run(struct pix_plan *p);\n")
  file(WRITE ${root}/engine/train/run.c
    "${licence}#include \"train/run.h\"\n#include \"gpu/device.h\"\n// pix_run() ends here, vkless.\nconst char *s = \"pix_run plan_build\";\n")
  file(WRITE ${root}/engine/gpu/device.h "${licence}#include <volk.h>\nVkDevice d;\n")
  file(WRITE ${root}/engine/program/program.c
    "${licence}#include \"graph/plan.h\"\nvoid make(void)\n{\n    plan_build();\n}\n")
  file(WRITE ${root}/engine/graph/plan.h "${licence}void plan_build(void);\n")
  file(WRITE ${root}/engine/graph/plan.c "${licence}#include \"graph/plan_inside.h\"\n")
  file(WRITE ${root}/engine/graph/plan_inside.h "${licence}#include \"graph/plan.h\"\n")
  file(WRITE ${root}/engine/formats/archive.c "${licence}#include <zip.h>\n")
  file(WRITE ${root}/engine/data/image.c "${licence}#include \"stb_image.h\"\n#include <png.h>\n")
  file(WRITE ${root}/engine/base/json.h "${licence}#include <jansson.h>\n")
  file(WRITE ${root}/engine/base/os_posix.c "${licence}#include <unistd.h>\n")
  file(WRITE ${root}/tools/main.c "${licence}#include <pix2pix.h>\n#include \"output.h\"\n")
  file(WRITE ${root}/tools/output.h "${licence}#include <jansson.h>\n")
endfunction()

# expect(NAME FILE TEXT PATTERN): with the file written so, or this text appended to it
# where there is one, the checker prints one complaint, which begins with the file.
function(expect name file text pattern)
  make_tree()
  if(EXISTS ${root}/${file})
    file(APPEND ${root}/${file} "${text}")
  else()
    file(WRITE ${root}/${file} "${licence}${text}")
  endif()
  check_tree()
  if(code EQUAL 0 OR NOT printed MATCHES "layers: 1 errors" OR
     NOT printed MATCHES "(^|\n)${pattern}")
    message("${name}: expected one complaint, \"${pattern}\", got ${code}:\n${printed}")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

make_tree()
check_tree()
if(NOT code EQUAL 0)
  message(FATAL_ERROR "test_layers: the tree without a violation: ${printed}")
endif()

# Rooms: each of these has one include too many.
foreach(pair base:gpu formats:data data:formats gpu:tensor tensor:ops ops:graph
        graph:models program:models program:settings models:program settings:store
        store:translate translate:evaluate translate:train evaluate:train train:bench
        bench:selftest selftest:api)
  string(REGEX REPLACE ":.*" "" room ${pair})
  string(REGEX REPLACE ".*:" "" other ${pair})
  set(header ${other}/planted.h)
  make_tree()
  file(WRITE ${root}/engine/${header} "${licence}")
  file(WRITE ${root}/engine/${room}/planted.c "${licence}#include \"${header}\"\n")
  check_tree()
  if(code EQUAL 0 OR NOT printed MATCHES "layers: 1 errors" OR NOT printed MATCHES
     "(^|\n)engine/${room}/planted.c: includes ${header}: ${other} is not below ${room}")
    message("${room} may not include ${other}: ${printed}")
    math(EXPR failures "${failures} + 1")
  endif()
endforeach()
expect("an unknown room" engine/cellar/a.c "" "engine/cellar/a.c: is in no room")
expect("a file beside the rooms" engine/a.c "" "engine/a.c: is in no room")
expect("a tool that looks inside" tools/main.c "#include \"gpu/device.h\"\n"
  "tools/main.c: includes gpu/device.h: it may use pix2pix.h only")

# Cycles: of two pairs, with a header on its own between them, and within tools/.
function(expect_cycle name files pattern)
  make_tree()
  while(files)
    list(POP_FRONT files file header)
    file(APPEND ${root}/${file} "${licence}#include \"${header}\"\n")
  endwhile()
  check_tree()
  if(code EQUAL 0 OR NOT printed MATCHES "layers: 1 errors" OR
     NOT printed MATCHES "is in a cycle of includes: ${pattern}\n")
    message("${name}: ${printed}")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()
expect_cycle("two pairs"
  "engine/data/a.c;data/b.h;engine/data/b.c;data/a.h;engine/data/a.h;base/json.h;engine/data/b.h;base/json.h"
  "engine/data/a -> engine/data/b -> engine/data/a")
expect_cycle("a header between"
  "engine/ops/a.c;ops/inside.h;engine/ops/inside.h;ops/b.h;engine/ops/b.h;stdio.h;engine/ops/b.c;ops/a.h;engine/ops/a.h;stdio.h"
  "engine/ops/a -> engine/ops/b -> engine/ops/a")

expect_cycle("two tools" "tools/a.c;b.h;tools/b.c;a.h;tools/a.h;stdio.h;tools/b.h;stdio.h"
  "tools/a -> tools/b -> tools/a")

# Names.
expect("a public function" engine/store/a.c "void f(void)\n{\n    pix_run(0);\n}\n"
  "engine/store/a.c: names pix_run: only engine/api/")
expect("text that is not escaped" tools/a.c "void f(void)\n{\n    printf(\"x\");\n}\n"
  "tools/a.c: names printf: tools/output.h")
expect("a plan by hand" engine/bench/a.c "void f(void)\n{\n    plan_build();\n}\n"
  "engine/bench/a.c: names plan_build: engine/program/program.h")
expect("memory by hand" tools/a.c "void f(void)\n{\n    exec_create();\n}\n"
  "tools/a.c: names exec_create: engine/program/program.h")
expect("Vulkan by name" engine/tensor/a.c "VkBuffer b;\n"
  "engine/tensor/a.c: names VkBuffer: only engine/gpu/ calls Vulkan")

# Libraries and the system.
expect("Vulkan's header" engine/graph/a.c "#include <volk.h>\n"
  "engine/graph/a.c: includes volk.h: only engine/gpu/ calls Vulkan")
expect("stb" engine/formats/a.c "#include \"stb_image.h\"\n"
  "engine/formats/a.c: includes stb_image.h: only engine/data/ uses stb")
expect("utf8proc" engine/base/a.c "#include <utf8proc.h>\n"
  "engine/base/a.c: includes utf8proc.h: only engine/data/ uses utf8proc")
expect("libpng" engine/train/a.c "#include <png.h>\n"
  "engine/train/a.c: includes png.h: only engine/data/ uses libraries of images")
expect("libjpeg" engine/translate/a.c "#include <jpeglib.h>\n"
  "engine/translate/a.c: includes jpeglib.h: only engine/data/ uses libraries of images")
expect("libtiff" engine/api/a.c "#include <tiffio.h>\n"
  "engine/api/a.c: includes tiffio.h: only engine/data/ uses libraries of images")
expect("libwebp" tools/a.c "#include <webp/decode.h>\n"
  "tools/a.c: includes webp/decode.h: only engine/data/ uses libraries of images")
expect("libzip" engine/store/a.c "#include <zip.h>\n"
  "engine/store/a.c: includes zip.h: only engine/formats/ uses libzip")
expect("xxHash" engine/formats/a.c "#include <xxhash.h>\n"
  "engine/formats/a.c: includes xxhash.h: only engine/base/ uses xxHash")
expect("Jansson in the engine" engine/train/a.c "#include <jansson.h>\n"
  "engine/train/a.c: includes jansson.h: base/json.h and tools/output.h bring it")
expect("Jansson in a tool" tools/main.c "#include <jansson.h>\n"
  "tools/main.c: includes jansson.h: base/json.h and tools/output.h bring it")
expect("the system" engine/data/a.c "#include <unistd.h>\n"
  "engine/data/a.c: includes <unistd.h>: calls to the operating system")

# Texts.
set(home home)    # else this file would name a folder
string(REPEAT "    f();\n" 77 lines)
expect("a function of 80 lines and one that names a folder" engine/base/a.c
  "void f(void)\n{\n${lines}}\n// see /${home}/someone/x\n"
  "engine/base/a.c: names a folder of this machine")
find_program(ctags NAMES ctags-universal ctags)
set(has_ctags 1)
if(ctags)
  execute_process(COMMAND ${ctags} -x "--_xformat=%N" ${CMAKE_CURRENT_LIST_FILE}
    RESULT_VARIABLE has_ctags OUTPUT_QUIET ERROR_QUIET)
endif()
if(has_ctags EQUAL 0)
  string(REPEAT "    f();\n" 78 lines)
  expect("a function of 81 lines" engine/base/a.c "void f(void)\n{\n${lines}}\n"
    "engine/base/a.c:f: has 81 lines")
endif()
make_tree()
file(WRITE ${root}/tools/bare.sh "echo\n")
check_tree()
if(NOT printed MATCHES "layers: 1 errors" OR
   NOT printed MATCHES "tools/bare.sh: does not open with an SPDX line")
  message("no licence: ${printed}")
  math(EXPR failures "${failures} + 1")
endif()

file(REMOVE_RECURSE ${root})
if(failures GREATER 0)
  message(FATAL_ERROR "test_layers: ${failures} failures")
endif()
