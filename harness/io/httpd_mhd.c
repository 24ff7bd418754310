#include "io/httpd_mhd.h"

#include <microhttpd.h>
#include <stdarg.h>

#include "base/dynlib.h"

#define EACH(X)                                                                          \
    X(MHD_add_response_header)                                                           \
    X(MHD_create_response_for_upgrade)                                                   \
    X(MHD_create_response_from_buffer)                                                   \
    X(MHD_create_response_from_callback)                                                 \
    X(MHD_create_response_from_fd_at_offset64)                                           \
    X(MHD_destroy_response)                                                              \
    X(MHD_get_connection_info)                                                           \
    X(MHD_get_connection_values)                                                         \
    X(MHD_get_daemon_info)                                                               \
    X(MHD_get_timeout)                                                                   \
    X(MHD_lookup_connection_value)                                                       \
    X(MHD_lookup_connection_value_n)                                                     \
    X(MHD_queue_response)                                                                \
    X(MHD_resume_connection)                                                             \
    X(MHD_run)                                                                           \
    X(MHD_start_daemon_va)                                                               \
    X(MHD_stop_daemon)                                                                   \
    X(MHD_suspend_connection)                                                            \
    X(MHD_upgrade_action)

DYNLIB(EACH, "libmicrohttpd.so.12");

int httpd_mhd_load(struct err *err)
{
    return dynlib_load(&library, err);
}

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port,
                                    MHD_AcceptPolicyCallback accept, void *accept_arg,
                                    MHD_AccessHandlerCallback handler, void *arg, ...)
{
    va_list options;
    va_start(options, arg);
    struct MHD_Daemon *daemon =
        lib.MHD_start_daemon_va(flags, port, accept, accept_arg, handler, arg, options);
    va_end(options);
    return daemon;
}

/* What is asked of a connection, a daemon or an upgrade here takes no more arguments. */
const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *conn,
                                                        enum MHD_ConnectionInfoType what,
                                                        ...)
{
    return lib.MHD_get_connection_info(conn, what);
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                enum MHD_DaemonInfoType what, ...)
{
    return lib.MHD_get_daemon_info(daemon, what);
}

enum MHD_Result MHD_upgrade_action(struct MHD_UpgradeResponseHandle *urh,
                                   enum MHD_UpgradeAction action, ...)
{
    return lib.MHD_upgrade_action(urh, action);
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *header,
                                        const char *content)
{
    return lib.MHD_add_response_header(response, header, content);
}

struct MHD_Response *MHD_create_response_for_upgrade(MHD_UpgradeHandler handler,
                                                     void *arg)
{
    return lib.MHD_create_response_for_upgrade(handler, arg);
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    return lib.MHD_create_response_from_buffer(size, buffer, mode);
}

struct MHD_Response *
MHD_create_response_from_callback(uint64_t size, size_t block,
                                  MHD_ContentReaderCallback reader, void *arg,
                                  MHD_ContentReaderFreeCallback free_arg)
{
    return lib.MHD_create_response_from_callback(size, block, reader, arg, free_arg);
}

struct MHD_Response *MHD_create_response_from_fd_at_offset64(uint64_t size, int fd,
                                                             uint64_t offset)
{
    return lib.MHD_create_response_from_fd_at_offset64(size, fd, offset);
}

void MHD_destroy_response(struct MHD_Response *response)
{
    lib.MHD_destroy_response(response);
}

int MHD_get_connection_values(struct MHD_Connection *conn, enum MHD_ValueKind kind,
                              MHD_KeyValueIterator each, void *arg)
{
    return lib.MHD_get_connection_values(conn, kind, each, arg);
}

enum MHD_Result MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *ret_ms)
{
    return lib.MHD_get_timeout(daemon, ret_ms);
}

const char *MHD_lookup_connection_value(struct MHD_Connection *conn,
                                        enum MHD_ValueKind kind, const char *key)
{
    return lib.MHD_lookup_connection_value(conn, kind, key);
}

enum MHD_Result MHD_lookup_connection_value_n(struct MHD_Connection *conn,
                                              enum MHD_ValueKind kind, const char *key,
                                              size_t key_len, const char **ret,
                                              size_t *ret_len)
{
    return lib.MHD_lookup_connection_value_n(conn, kind, key, key_len, ret, ret_len);
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *conn, unsigned int status,
                                   struct MHD_Response *response)
{
    return lib.MHD_queue_response(conn, status, response);
}

void MHD_resume_connection(struct MHD_Connection *conn)
{
    lib.MHD_resume_connection(conn);
}

enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
    return lib.MHD_run(daemon);
}

void MHD_stop_daemon(struct MHD_Daemon *daemon)
{
    lib.MHD_stop_daemon(daemon);
}

void MHD_suspend_connection(struct MHD_Connection *conn)
{
    lib.MHD_suspend_connection(conn);
}
