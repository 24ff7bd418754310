/* A frame that can be read can be written as one line and read again, the same. */
#include "fuzz/fuzz.h"
#include "io/json.h"
#include "mcp/jsonrpc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_frame frame CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    struct rpc_frame again CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    struct err err = ERR_INIT;
    enum rpc_code code = 0;
    if (rpc_parse((const char *)data, size, &frame, &code, &err) < 0) {
        ALWAYS(err.kind == ERR_SHAPE && err.text[0]);
        ALWAYS(code == RPC_PARSE_ERROR || code == RPC_INVALID_REQUEST);
        char *answer = rpc_text(rpc_error(frame.id, (int)code, err.text));
        ALWAYS(rpc_parse(answer, strlen(answer), &again, NULL, NULL) == 0);
        free(answer);
        return 0;
    }
    ALWAYS((frame.kind == RPC_RESPONSE) == !frame.method);
    ALWAYS(frame.kind != RPC_RESPONSE || !frame.result != !frame.error);
    ALWAYS(frame.kind != RPC_REQUEST || frame.id);
    char *line = rpc_text(json_incref(frame.root));
    ALWAYS(!strchr(line, '\n'));
    ALWAYS(rpc_parse(line, strlen(line), &again, NULL, NULL) == 0);
    ALWAYS(again.kind == frame.kind && again.code == frame.code);
    ALWAYS(!frame.id || rpc_id_equal(again.id, frame.id));
    free(line);
    return 0;
}
