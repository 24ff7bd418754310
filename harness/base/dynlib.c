#include "base/dynlib.h"

#include <dlfcn.h>
#include <string.h>

int dynlib_load(struct dynlib *lib, struct err *err)
{
    if (lib->loaded)
        return 0;
    void *handle = dlopen(lib->soname, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        return err_set(err, ERR_CONFIG, "cannot load %s: %s", lib->soname, dlerror());
    for (size_t i = 0; i < lib->n; i++) {
        void *at = dlsym(handle, lib->names[i].name);
        if (!at)
            return err_set(err, ERR_CONFIG, "%s lacks %s", lib->soname,
                           lib->names[i].name);
        /* ISO C has no conversion between the two kinds of pointers; POSIX has. */
        memcpy(lib->names[i].to, &at, sizeof(at));
    }
    lib->loaded = true;
    return 0;
}
