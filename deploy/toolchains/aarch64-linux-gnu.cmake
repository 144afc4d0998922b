# Builds forkmon for arm64 with Debian's cross compiler, as the preset "arm64" does. Compiler and CMAKE_SYSROOT
# are folders that tests/matrix/cross_build.sh makes. clang, bpftool and CMake are those of the machine that builds.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(compiler ${CMAKE_CURRENT_LIST_DIR}/../../build/sysroots/compiler/usr/bin)
set(CMAKE_C_COMPILER ${compiler}/aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER ${compiler}/aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Headers and libraries come from the system root alone, programs never do.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
    ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
