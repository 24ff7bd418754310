/*
 * Every maximum in the program, in bytes unless the name says otherwise, with its reason.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define KIB(n) ((size_t)(n)*1024)
#define MIB(n) ((size_t)(n)*1024 * 1024)

#define LIMIT_REQUEST_BODY MIB(24) /* the A2A proxy takes 16 MiB; the rest is framing */
#define LIMIT_REQUEST_BODIES MIB(256) /* of all requests that a listener is reading */
#define LIMIT_HTTP_PATIENCE_MS 75000  /* until the next request is complete */
#define LIMIT_CONNECTIONS 16384       /* of one listener; each box keeps one or two */
#define LIMIT_RESPONSE_BODY MIB(64)   /* largest answer the A2A proxy passes on */
#define LIMIT_CHILD_OUTPUT MIB(4)     /* captured stdout or stderr of one child */
#define LIMIT_FILE MIB(16)            /* one template asset */
#define LIMIT_CONFIG_FILES KIB(256)   /* files a tenant sends to a box by itself */
#define LIMIT_ARCHIVE MIB(100)        /* a staged plugin tree */
#define LIMIT_FORGE_TREE MIB(256)     /* what one archive of the mock forge may hold */
#define LIMIT_SCENARIO_FILE MIB(1)    /* hand-written text */
#define LIMIT_LINE MIB(8)             /* one JSON-RPC frame on stdio */
#define LIMIT_ERROR_TEXT KIB(4)       /* what is quoted of a failing peer */
#define LIMIT_STORED_BODY KIB(64)     /* of an exchange kept in the results */
#define LIMIT_FRAMES 1000             /* kept of an MCP session, against a flood */
#define LIMIT_JOURNAL_BYTES MIB(12)   /* of entries: some 50,000 requests */
#define LIMIT_REPORT MIB(64)          /* one rendered report */
#define LIMIT_STEPS 2000              /* of one scenario, nested ones included */
#define LIMIT_DEPTH 32                /* nesting of steps, of YAML and of JSON */
#define LIMIT_MESSAGE_DEPTH 512 /* of JSON that an MCP server is sent, or passes on */
#define LIMIT_MCP_PAGES 1000    /* of one listing, against a cursor that repeats */

#endif
