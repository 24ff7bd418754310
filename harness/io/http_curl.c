#include "io/http_curl.h"

#include <curl/curl.h>
#include <stdarg.h>

#include "base/dynlib.h"

/* The checking macros of the same names stand before every call elsewhere; here they
 * would stand before the definitions. */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

#define EACH(X)                                                                          \
    X(curl_easy_cleanup)                                                                 \
    X(curl_easy_getinfo)                                                                 \
    X(curl_easy_init)                                                                    \
    X(curl_easy_perform)                                                                 \
    X(curl_easy_reset)                                                                   \
    X(curl_easy_setopt)                                                                  \
    X(curl_easy_strerror)                                                                \
    X(curl_global_init)                                                                  \
    X(curl_multi_add_handle)                                                             \
    X(curl_multi_assign)                                                                 \
    X(curl_multi_cleanup)                                                                \
    X(curl_multi_info_read)                                                              \
    X(curl_multi_init)                                                                   \
    X(curl_multi_remove_handle)                                                          \
    X(curl_multi_setopt)                                                                 \
    X(curl_multi_socket_action)                                                          \
    X(curl_multi_strerror)                                                               \
    X(curl_slist_append)                                                                 \
    X(curl_slist_free_all)

DYNLIB(EACH, "libcurl.so.4");

int http_curl_load(struct err *err)
{
    return dynlib_load(&library, err);
}

/* Every value of an option is one machine word, so that it can be handed on unseen. */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
               "a value of curl_easy_setopt is not one word");

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list more;
    va_start(more, option);
    void *value = va_arg(more, void *);
    va_end(more);
    return lib.curl_easy_setopt(easy, option, value);
}

CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
    va_list more;
    va_start(more, info);
    void *ret = va_arg(more, void *);
    va_end(more);
    return lib.curl_easy_getinfo(easy, info, ret);
}

CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list more;
    va_start(more, option);
    void *value = va_arg(more, void *);
    va_end(more);
    return lib.curl_multi_setopt(multi, option, value);
}

CURLcode curl_global_init(long flags)
{
    return lib.curl_global_init(flags);
}

CURL *curl_easy_init(void)
{
    return lib.curl_easy_init();
}

void curl_easy_cleanup(CURL *easy)
{
    lib.curl_easy_cleanup(easy);
}

void curl_easy_reset(CURL *easy)
{
    lib.curl_easy_reset(easy);
}

CURLcode curl_easy_perform(CURL *easy)
{
    return lib.curl_easy_perform(easy);
}

const char *curl_easy_strerror(CURLcode code)
{
    return lib.curl_easy_strerror(code);
}

CURLM *curl_multi_init(void)
{
    return lib.curl_multi_init();
}

CURLMcode curl_multi_cleanup(CURLM *multi)
{
    return lib.curl_multi_cleanup(multi);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    return lib.curl_multi_add_handle(multi, easy);
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    return lib.curl_multi_remove_handle(multi, easy);
}

CURLMcode curl_multi_assign(CURLM *multi, curl_socket_t fd, void *arg)
{
    return lib.curl_multi_assign(multi, fd, arg);
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *ret_left)
{
    return lib.curl_multi_info_read(multi, ret_left);
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int what,
                                   int *ret_running)
{
    return lib.curl_multi_socket_action(multi, fd, what, ret_running);
}

const char *curl_multi_strerror(CURLMcode code)
{
    return lib.curl_multi_strerror(code);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    return lib.curl_slist_append(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
    lib.curl_slist_free_all(list);
}
