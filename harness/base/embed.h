/*
 * A file of the source tree as bytes of the program.
 *
 * EMBED(name, "path") defines name_start[] (terminated by a NUL that is not counted) and
 * name_end[]. The path is relative to the top of the tree, where make runs.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

#define EMBED(name, path)                                                                \
    extern const char name##_start[];                                                    \
    extern const char name##_end[];                                                      \
    __asm__(".section .rodata\n"                                                         \
            ".global " #name "_start\n" #name "_start:\n"                                \
            ".incbin \"" path "\"\n"                                                     \
            ".global " #name "_end\n" #name "_end:\n"                                    \
            ".byte 0\n"                                                                  \
            ".previous\n")
#define EMBED_SIZE(name) ((size_t)(name##_end - name##_start))

#endif
