# SPDX-License-Identifier: MIT
#
# Writes a SPIR-V module as a list of words of C: cmake -DMODULE=FILE.spv -DOUTPUT=FILE.inc
# -P words.cmake. Modules in files are little-endian here.

cmake_minimum_required(VERSION 3.16)

file(READ "${MODULE}" bytes HEX)
if(NOT bytes MATCHES "^03022307")
  message(FATAL_ERROR "${MODULE} is no little-endian module of SPIR-V")
endif()
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${bytes}")
string(REGEX REPLACE "(............................................)" "\\1\n" words "${words}")
file(WRITE "${OUTPUT}" "{${words}}\n")
