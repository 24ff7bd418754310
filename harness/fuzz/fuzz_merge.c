/* Two JSON documents, one a line: settings and a fragment. Merging changes neither, ends
 * in an object with hooks, and merging the same fragment again changes nothing. */
#include "fuzz/fuzz.h"
#include "io/json.h"
#include "mocks/box/merge.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *newline = size ? memchr(text, '\n', size) : NULL;
    if (!newline) {
        return 0;
    }
    json_t *settings CLEANUP(json_drop) = NULL;
    json_t *fragment CLEANUP(json_drop) = NULL;
    size_t first = (size_t)(newline - text);
    (void)!json_parse(text, first, &settings, NULL);
    if (json_parse(newline + 1, size - first - 1, &fragment, NULL) < 0 ||
        !json_is_object(fragment)) {
        return 0;
    }
    json_t *settings_before CLEANUP(json_drop) = json_deep_copy(settings);
    json_t *fragment_before CLEANUP(json_drop) = json_deep_copy(fragment);
    json_t *once CLEANUP(json_drop) = settings_merge(settings, fragment, "/c/.claude");
    ALWAYS(json_is_object(once) && json_is_object(json_object_get(once, "hooks")));
    ALWAYS(!settings || json_equal(settings, settings_before));
    ALWAYS(json_equal(fragment, fragment_before));
    json_t *twice CLEANUP(json_drop) = settings_merge(once, fragment, "/c/.claude");
    ALWAYS(json_equal(once, twice));
    return 0;
}
