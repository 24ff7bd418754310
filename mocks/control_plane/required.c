#include "mocks/control_plane/required.h"

#include "io/json.h"

bool required_missing(struct call *call, const json_t *body, const char *const *names,
                      size_t n)
{
    struct strv missing = STRV_INIT;
    json_t *fields = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *value = json_str(body, names[i], "");
        if (*value)
            continue;
        strv_add(&missing, names[i]);
        (void)json_array_append_new(fields, json_string(names[i]));
    }
    CLEANUP(free_ptr) char *list = strv_join(&missing, ", ");
    bool any = missing.n > 0;
    strv_release(&missing);
    if (!any) {
        json_decref(fields);
        return false;
    }
    CLEANUP(free_ptr) char *text = xasprintf("%s are required", list);
    call_json(call, 400, json_make("{s:s, s:o}", "error", text, "fields", fields));
    return true;
}
