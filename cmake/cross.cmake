# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# A toolchain file for what Debian cross-compiles, by default for 64-bit Arm; the programs run under qemu-user:
#   cmake --toolchain cmake/cross.cmake -D KILN_CROSS=aarch64-linux-gnu -D KILN_CROSS_ROOT=<folder>
# The folder holds zlib, Eigen and doctest of that architecture, as scripts/cross_root unpacks them. Programs are linked
# statically, so that they run without a system of that architecture.

set(KILN_CROSS aarch64-linux-gnu CACHE STRING "Triplet of the cross compiler")
set(KILN_CROSS_ROOT "" CACHE PATH "Folder with the libraries of that architecture")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES KILN_CROSS KILN_CROSS_ROOT)

string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${KILN_CROSS}")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_LIBRARY_ARCHITECTURE "${KILN_CROSS}")
set(CMAKE_CXX_COMPILER "${KILN_CROSS}-g++")
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-${CMAKE_SYSTEM_PROCESSOR}")

set(CMAKE_FIND_ROOT_PATH "${KILN_CROSS_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ZLIB_USE_STATIC_LIBS ON)
