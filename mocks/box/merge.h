/*
 * A plugin's settings-fragment.json merged into the box's .claude/settings.json.
 *
 * Source: molecule_runtime plugins_registry/builtins.py (AgentskillsAdaptor, claude
 * layer; MCPServerAdaptor), runtime 0.3.46. The rules:
 *  - hooks: an object "hooks" exists afterwards; each handler of the fragment is appended
 *    to its event unless one with the same matcher and the same commands is there;
 *    ${CLAUDE_DIR} is expanded in the commands of hooks and nowhere else;
 *  - any other key: two objects are united and the fragment wins per inner key, whole
 * (the env of a server entry is replaced, not merged); otherwise it is set only when
 * absent;
 *  - every other text, ${NAME} included, is taken over as it stands.
 */
#ifndef BOX_MERGE_H
#define BOX_MERGE_H

#include <jansson.h>

/* settings: borrowed; what is no object (NULL included) counts as {}. fragment: borrowed,
 * an object. Neither is changed. Never NULL; caller owns the result. */
json_t *settings_merge(const json_t *settings, const json_t *fragment,
                       const char *claude_dir);

#endif
