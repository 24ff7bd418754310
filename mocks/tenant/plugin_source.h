/*
 * Where a plugin comes from, as text: gitea://owner/repo[/sub/path][#ref],
 * github://owner/repo[#ref], local://name; a text without "://" is local.
 * Source: molecule-core workspace-server (1c9f83df), plugin sources.
 */
#ifndef TENANT_PLUGIN_SOURCE_H
#define TENANT_PLUGIN_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

enum source_problem {
    SOURCE_OK,
    SOURCE_BAD,    /* "invalid plugin source" */
    SOURCE_SCHEME, /* no resolver for the scheme */
    SOURCE_NAME,   /* "invalid plugin name" (local) */
};

struct plugin_source {
    char *raw;
    char *scheme;
    char *owner, *repo; /* NULL for local */
    char *sub;          /* path within the repository, NULL = its root */
    char *ref;          /* NULL = none given */
    char *name; /* install name: last part of sub, else repo, else the local name */
};
#define PLUGIN_SOURCE_INIT                                                               \
    {                                                                                    \
        .raw = NULL                                                                      \
    }
void source_release(struct plugin_source *s);

/* *ret is filled only with SOURCE_OK. */
enum source_problem source_parse(const char *raw, struct plugin_source *ret);

/* What a route answers to a source that cannot be fetched: 0 = it can, *ret is filled;
 * else the status and the body (owned by the caller). *ret is to be released either way.
 */
int plugin_source_refusal(const char *raw, struct plugin_source *ret, json_t **ret_body);

bool source_pinned(const struct plugin_source *s); /* has a ref, or is local */

/* "none", "tag:x" or "sha:x". */
bool source_track_ok(const char *track);
/* What is asked of the forge: the ref without "tag:" or "sha:", "main" when there is
 * none; borrowed. */
const char *source_git_ref(const struct plugin_source *s);

/* "tag:x" or "sha:x" when the ref says so, else "none"; borrowed. */
const char *source_track(const struct plugin_source *s);

#endif
