/*
 * For the fuzz targets: one function that libFuzzer calls, and properties that hold for
 * every input. A target keeps nothing between two inputs.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a build without assertions would fuzz nothing but crashes. */
#define ALWAYS(condition)                                                                \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            (void)fprintf(stderr, "%s:%d: not always true: %s\n", __FILE__, __LINE__,    \
                          #condition);                                                   \
            abort();                                                                     \
        }                                                                                \
    } while (0)

#endif
