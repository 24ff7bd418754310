#include "base/dynlib.h"

#include <dlfcn.h>
#include <string.h>

int dynlib_load(const char *soname, const struct dynlib_function *functions, size_t n,
                struct err *err)
{
    void *handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        return err_set(err, ERR_CONFIG, "cannot load %s: %s", soname, dlerror());
    for (size_t i = 0; i < n; i++) {
        void *at = dlsym(handle, functions[i].name);
        if (!at)
            return err_set(err, ERR_CONFIG, "%s has no function %s", soname,
                           functions[i].name);
        /* ISO C has no conversion between the two kinds of pointers; POSIX has. */
        memcpy(functions[i].to, &at, sizeof(at));
    }
    return 0;
}
