# Compiler options of all our C code, and those that the CRISOL_* options ask for.

include(CheckCCompilerFlag)
include(CheckLinkerFlag)

# No compiler may fuse a multiplication with an addition: results are compared bit for bit with
# those of the kernels, which say FP_CONTRACT OFF. For the same reason: never -ffast-math.
add_compile_options(-ffp-contract=off)
add_compile_definitions(_POSIX_C_SOURCE=200809L)

add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-Wall> $<$<COMPILE_LANGUAGE:C,CXX>:-Wextra>)
if(CRISOL_WERROR)
    add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-Werror>)
endif()

# Rooms and command. The tests are spared: Criterion's macros use extensions.
set(CRISOL_STRICT_WARNINGS
    -Wpedantic -Wshadow -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes
    -Wmissing-declarations -Wvla -Wpointer-arith -Wundef -Wwrite-strings -Wformat=2
    -Wno-format-nonliteral -Wimplicit-fallthrough)

set(CRISOL_NO_UNDEFINED "")
if(CRISOL_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
else()
    check_linker_flag(C -Wl,--no-undefined CRISOL_HAS_NO_UNDEFINED)
    if(CRISOL_HAS_NO_UNDEFINED)
        set(CRISOL_NO_UNDEFINED -Wl,--no-undefined)
    endif()
endif()

if(CRISOL_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "CRISOL_FUZZ needs clang: libFuzzer is a part of it")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

if(CRISOL_COVERAGE)
    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
        add_link_options(-fprofile-instr-generate)
    else()
        add_compile_options(--coverage)
        add_link_options(--coverage)
    endif()
endif()
