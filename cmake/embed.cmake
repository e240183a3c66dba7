# SPDX-License-Identifier: MIT
#
# Writes files as arrays of C: cmake -DOUTPUT=FILE -DHEADER=NAME "-DFILES=NAME=PATH;..."
# -P embed.cmake. Each becomes `const struct asset asset_NAME`, which HEADER declares.

cmake_minimum_required(VERSION 3.16)

set(text "#include \"${HEADER}\"\n")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([a-z_]+)=(.*)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "\nstatic const unsigned char bytes_${name}[] = {\n${bytes}\n};\n"
    "const struct asset asset_${name} = { bytes_${name}, sizeof(bytes_${name}) };\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
