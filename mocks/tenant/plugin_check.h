/*
 * What a fetched plugin has to be before anything is made of it.
 * Source: molecule-core, plugin install: name of the resolver, size, manifest.json,
 * sha256 of plugin.yaml. manifest.json lists {"files": {path: sha256 in hex}}.
 */
#ifndef TENANT_PLUGIN_CHECK_H
#define TENANT_PLUGIN_CHECK_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* ^[a-z0-9][a-z0-9._-]{0,127}$ */
bool plugin_name_ok(const char *name);
/* Bytes of all files of a tree. */
size_t plugin_tree_size(const char *tree);
/* Every file that its manifest.json lists has the digest that is said there. */
bool plugin_manifest_ok(const char *tree);
/* NULL = plugin.yaml has this digest (or none is given); else the text of the 422, owned
 * by the caller. */
char *plugin_sha256_problem(const char *tree, const char *expected);
/* The trees differ in the text of SKILL.md files at most: no restart is needed. */
bool plugin_only_skill_text(const char *before, const char *after);

#endif
