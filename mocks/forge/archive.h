/*
 * libarchive, loaded when the first archive is packed or unpacked. With what it needs in
 * turn (libxml2, ICU, the library of C++) it would make every start of this program wait,
 * and boxes start many that never see an archive. The functions keep their names;
 * archive.c hands each to the library. Internal to pack.c and unpack.c.
 */
#ifndef MOCKS_FORGE_ARCHIVE_H
#define MOCKS_FORGE_ARCHIVE_H

#include "base/err.h"

/* Once per process; before any function of libarchive. ERR_CONFIG: it is not installed,
 * or lacks what we use. */
MUST_CHECK int forge_archive_load(struct err *err);

#endif
