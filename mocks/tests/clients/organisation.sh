#!/usr/bin/env bash
# A client of the platform, written against its contract only: the life of an organisation,
# from its creation to the check that nothing of it is left.
#
#   organisation.sh BASE_URL
#
# BASE_URL is a control plane's, with its token in CP_ADMIN_API_TOKEN; or, when that is not
# set, a self-hosted platform's, with ADMIN_TOKEN. CURL_CA_BUNDLE names the authority of a
# certificate, MOLECULE_TENANT_DOMAIN overrides where tenants are found. curl makes the
# requests, python3 reads the JSON. Exit code: 0 all is well, 1 something is not, 2 misuse.
set -uo pipefail

[ $# = 1 ] || { echo "usage: organisation.sh BASE_URL" >&2; exit 2; }
base=${1%/}
cp_token=${CP_ADMIN_API_TOKEN:-}
admin_token=${ADMIN_TOKEN:-}
[ -n "$cp_token$admin_token" ] || {
    echo "organisation.sh: set CP_ADMIN_API_TOKEN, or ADMIN_TOKEN of a self-hosted one" >&2
    exit 2
}
patience=${PATIENCE:-30} # seconds, for everything that takes its time

work=$(mktemp -d "${TMPDIR:-/tmp}/organisation-XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

ok() {
    passed=$((passed + 1))
    echo "ok      $1"
}
bad() {
    failed=$((failed + 1))
    echo "FAIL    $1: $status $(head -c 300 "$work/body" 2>/dev/null)"
}
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
    exit
}
give_up() {
    bad "$1"
    finish
}

# ---- asking ----

# call METHOD URL [CURL ARGUMENT...]: the body goes to $work/body, the code to $status.
call() {
    local method=$1 url=$2
    shift 2
    : >"$work/body"
    status=$(curl -sS --max-time "$patience" -X "$method" -o "$work/body" -w '%{http_code}' \
        "$@" "$url" 2>"$work/curl") || status="curl: $(head -n 1 "$work/curl")"
}

# One reader of JSON for the whole life: an expression of d, the last body, in; a line out.
cat >"$work/reader.py" <<'PY'
import json, sys
for expression in sys.stdin:
    try:
        d = json.load(open(sys.argv[1]))
        v = eval(expression)
        print("=" + (v if isinstance(v, str) else json.dumps(v)), flush=True)
    except Exception:
        print("!", flush=True)
PY
mkfifo "$work/ask" "$work/answer"
python3 -I -S "$work/reader.py" "$work/body" <"$work/ask" >"$work/answer" &
exec 7>"$work/ask" 8<"$work/answer"

# json EXPRESSION: its value, text as it is, everything else as JSON; false when it has none.
json() {
    local line
    printf '%s\n' "$1" >&7
    IFS= read -r line <&8 || return 1
    [ "${line:0:1}" = = ] && echo "${line:1}"
}

# expect CODE [EXPRESSION]: of the call before; true when both hold.
expect() {
    [ "$status" = "$1" ] && { [ $# = 1 ] || [ "$(json "$2")" = true ]; }
}

# check NAME CODE [EXPRESSION]
check() {
    local name=$1
    shift
    if expect "$@"; then ok "$name"; else bad "$name"; fi
}

# until_ COMMAND...: repeats it until it is true; false when patience ends.
until_() {
    local end=$((SECONDS + patience))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

plane() { # METHOD PATH [CURL ARGUMENT...], at the control plane
    local method=$1 path=$2
    shift 2
    call "$method" "$base$path" -H "Authorization: Bearer $cp_token" "$@"
}

# ---- the organisation, at a control plane ----

running() {
    plane GET '/cp/admin/orgs?limit=500'
    local state
    state=$(json "next(o['instance_status'] for o in d['orgs'] if o['slug'] == '$slug')") ||
        return 1
    [ "$state" != failed ] || give_up "the organisation comes up"
    [ "$state" = running ]
}

listed() { # whether a row that is not purged is left
    plane GET '/cp/admin/orgs?limit=500'
    ! expect 200 "not any(o['slug'] == '$slug' and o['status'] != 'purged' for o in d['orgs'])"
}
gone() { ! listed; }

# Where scripts find tenants: api.X -> X, staging-api.X -> staging.X, else the host itself.
tenant_domain() {
    local host=${base#*://}
    case $host in
    api.*) host=${host#api.} ;;
    staging-api.*) host=staging.${host#staging-api.} ;;
    esac
    echo "${MOLECULE_TENANT_DOMAIN:-$host}"
}

create_organisation() {
    slug="client-$(date +%s)-$((RANDOM % 10000))"
    plane POST /cp/admin/orgs -d '{"slug":"'"$slug"'"}'
    check 'an organisation wants a name and an owner' 400 \
        "d == {'error': 'name, owner_user_id are required', 'fields': ['name', 'owner_user_id']}"
    plane POST /cp/admin/orgs -d \
        '{"slug":"'"$slug"'","name":"Client","owner_user_id":"owner-1"}'
    expect 201 "len(d['id']) == 36" || give_up 'the organisation is created'
    ok 'the organisation is created'
    org_id=$(json "d['id']")
    plane POST /cp/admin/orgs -d \
        '{"slug":"'"$slug"'","name":"Client","owner_user_id":"owner-1"}'
    check 'a slug is given once' 409
    call POST "$base/cp/admin/orgs" -d '{}'
    check 'nobody creates one without a token' 401
    until_ running || give_up 'the organisation comes up'
    ok 'the organisation comes up'
    plane GET "/cp/admin/orgs/$slug/admin-token"
    admin_token=$(json "d['admin_token']") || give_up 'its admin token is handed out'
    ok 'its admin token is handed out'
    tenant="${base%%://*}://$slug.$(tenant_domain)"
    org_header=(-H "X-Molecule-Org-Id: $org_id")
}

check_org_guard() {
    call GET "$tenant/workspaces" -H "Authorization: Bearer $admin_token"
    check 'the tenant wants to know the organisation' 400 \
        "d['code'] == 'TENANT_ORG_HEADER_REQUIRED'"
    call GET "$tenant/workspaces" -H "Authorization: Bearer $admin_token" \
        -H 'X-Molecule-Org-Id: 00000000-0000-4000-8000-000000000000'
    if [ "$status" = 404 ] && [ ! -s "$work/body" ]; then
        ok 'another organisation is told nothing'
    else
        bad 'another organisation is told nothing'
    fi
}

delete_organisation() {
    plane DELETE "/cp/admin/tenants/$slug"
    check 'a delete without a confirmation is refused' 400
    plane DELETE "/cp/admin/tenants/$slug" -d '{"confirm":"'"$slug"'"}'
    case $status in
    200 | 202 | 204) ok 'the organisation is deleted' ;;
    *) bad 'the organisation is deleted' ;;
    esac
    if until_ gone; then ok 'nothing of it is listed'; else bad 'nothing of it is listed'; fi
    call GET "$tenant/health"
    if [ "$status" = 200 ]; then bad 'its host is gone'; else ok 'its host is gone'; fi
    plane GET "/cp/admin/orgs/$slug/admin-token"
    check 'its token is gone' 404
}

# ---- the tenant ----

api() { # METHOD PATH [CURL ARGUMENT...], as the organisation's admin
    local method=$1 path=$2
    shift 2
    call "$method" "$tenant$path" "${org_header[@]}" -H "Authorization: Bearer $admin_token" \
        "$@"
}
as() { # TOKEN METHOD PATH [CURL ARGUMENT...]
    local token=$1 method=$2 path=$3
    shift 3
    call "$method" "$tenant$path" "${org_header[@]}" -H "Authorization: Bearer $token" "$@"
}

# is_up ID: online; degraded is up too, for one that has been online.
is_up() {
    api GET "/workspaces/$1"
    case $(json "d['status']") in
    online | degraded) return 0 ;;
    failed) give_up "workspace $1 comes up" ;;
    *) return 1 ;;
    esac
}

up() { # ID NAME
    if until_ is_up "$1"; then ok "$2"; else give_up "$2"; fi
}

# shows NAME PATH EXPRESSION: it is read soon, and in spite of a restart that is still to come.
reads() { api GET "$1" && expect 200 "$2"; }
shows() {
    if until_ reads "$2" "$3"; then ok "$1"; else bad "$1"; fi
}

# does NAME EXPRESSION METHOD PATH [CURL ARGUMENT...]: 503 says to try again.
there() { api "$@" && [ "$status" != 503 ]; }
does() {
    local name=$1 want=$2
    shift 2
    until_ there "$@"
    check "$name" 200 "$want"
}

find_concierge() {
    api GET /workspaces
    concierge=$(json "next((w['id'] for w in d if w['kind'] == 'platform'), '')") ||
        give_up 'the workspaces are listed'
    if [ -z "$concierge" ]; then
        [ -z "$cp_token" ] || bad 'the organisation has a concierge'
        return
    fi
    ok 'the organisation has a concierge'
    up "$concierge" 'the concierge is online'
    api GET "/workspaces/$concierge/model"
    check 'the concierge has a model' 200 "d['model'] != ''"
    shows 'its configuration is on its box' "/workspaces/$concierge/files/config.yaml" \
        "d['path'] == 'config.yaml' and d['size'] == len(d['content'].encode()) > 0"
}

# create VARIABLE BODY: its id and its token, as $VARIABLE and $VARIABLE_token.
create() {
    api POST /workspaces -d "$2"
    expect 201 "d['status'] == 'provisioning' and len(d['auth_token']) == 43" ||
        give_up "workspace $1 is created"
    ok "workspace $1 is created"
    read -r "${1?}" "${1}_token" < <(json "d['id'] + ' ' + d['auth_token']")
}

check_refusals() {
    call GET "$tenant/workspaces" "${org_header[@]}"
    check 'nobody lists workspaces without a token' 401 "d == {'error': 'admin auth required'}"
    as "$writer_token" POST /workspaces -d '{"name":"x","model":"moonshot/kimi-k2.6"}'
    check 'a workspace creates none' 401 "d == {'error': 'invalid admin auth token'}"
    as "$writer_token" GET "/workspaces/$reader/secrets"
    check 'a workspace does not read another one' 401 \
        "d == {'error': 'invalid workspace auth token'}"
    api POST /workspaces -d '{}'
    check 'a workspace wants a name' 400 "d == {'error': 'invalid workspace payload'}"
}

check_message() {
    api POST "/workspaces/$writer/a2a" -d '{"jsonrpc":"2.0","id":"m1","method":"message/send",
        "params":{"message":{"role":"user","parts":[{"kind":"text","text":"Good morning"}]}}}'
    check 'it answers a message' 200 \
        "d['id'] == 'm1' and d['result']['parts'][0]['text'] != ''"
    as "$reader_token" POST "/workspaces/$writer/a2a" -H "X-Workspace-ID: $reader" \
        -d '{"method":"message/send","params":{"message":{"role":"user","content":"Hello"}}}'
    check 'and one of its sibling' 200 "d['result']['role'] == 'agent'"
}

check_files() {
    does 'a file is written' "d == {'path': 'notes/plan.md', 'status': 'saved'}" \
        PUT "/workspaces/$writer/files/notes/plan.md" -d '{"content":"# Plan\n1 < 2\n"}'
    up "$writer" 'it is online again after the write'
    # The write restarts it. A container keeps its volume; a new machine begins anew.
    if [ -z "$cp_token" ]; then
        shows 'and read back' "/workspaces/$writer/files/notes/plan.md" \
            "d['content'] == '# Plan\n1 < 2\n' and d['size'] == 13"
        shows 'and listed' "/workspaces/$writer/files?root=/configs&path=notes" \
            "[f['path'] for f in d] == ['plan.md']"
    fi
    api GET "/workspaces/$writer/files/missing.md"
    check 'a missing one is not' 404
    shows 'its configuration is there' "/workspaces/$writer/files/config.yaml" \
        "d['size'] == len(d['content'].encode()) > 0 and 'runtime: claude-code' in d['content']"
}

check_plugins() {
    api POST "/workspaces/$writer/plugins" -d '{"source":"gitea://molecule-ai/seo-all"}'
    check 'a plugin wants a pinned source' 422
    does 'a plugin is installed' "d['plugin'] == 'seo-all' and d['status'] == 'installed'" \
        POST "/workspaces/$writer/plugins" -d '{"source":"gitea://molecule-ai/seo-all#main"}'
    up "$writer" 'it is online again after the install'
    shows 'the plugin is listed' "/workspaces/$writer/plugins" \
        "'seo-all' in [p['name'] for p in d]"
    shows 'its files are on the box' "/workspaces/$writer/files?path=plugins/seo-all" \
        "'plugin.yaml' in [f['path'] for f in d]"
    does 'and it is uninstalled' "d == {'plugin': 'seo-all', 'status': 'uninstalled'}" \
        DELETE "/workspaces/$writer/plugins/seo-all"
    up "$writer" 'it is online again without it'
}

check_peers() {
    as "$writer_token" GET "/registry/$writer/peers"
    check 'it sees its sibling' 200 "'$reader' in [p['id'] for p in d]"
    [ -z "$concierge" ] || check 'and the concierge' 200 "'$concierge' in [p['id'] for p in d]"
    api POST /registry/check-access -d '{"caller_id":"'"$writer"'","target_id":"'"$reader"'"}'
    check 'they may talk' 200 "d == {'allowed': True}"
}

check_secrets() {
    api POST "/workspaces/$reader/secrets" -d '{"key":"API_KEY","value":"s3cret-value"}'
    check 'a secret is kept' 200 "d == {'key': 'API_KEY', 'status': 'saved'}"
    api GET "/workspaces/$reader/secrets"
    check 'and listed without its value' 200 \
        "'API_KEY' in [s['key'] for s in d] and 's3cret-value' not in json.dumps(d)"
    up "$reader" 'it is online again with the secret'
    api DELETE "/workspaces/$reader/secrets/API_KEY"
    check 'and forgotten' 200 "d == {'key': 'API_KEY', 'status': 'deleted'}"
}

check_events() {
    api GET /events
    check 'the beginning of both is an event' 200 \
        "{'$writer', '$reader'} <= {e['workspace_id'] for e in d if e['event_type'] == 'WORKSPACE_PROVISIONING'}"
}

delete_workspaces() {
    api DELETE "/workspaces/$reader"
    check 'a delete wants the name' 400 \
        "d['error'] == 'destructive_action_requires_confirmation' and d['workspace_name'] == 'Reader'"
    api DELETE "/workspaces/$reader" -H 'X-Confirm-Name: Reader'
    check 'a workspace is deleted' 200 "d == {'cascade_deleted': 0, 'status': 'removed'}"
    api GET "/workspaces/$reader"
    check 'and gone' 410 "d['error'] == 'workspace removed'"
    as "$reader_token" GET "/workspaces/$reader/secrets"
    check 'its token is dead' 401
    api DELETE "/workspaces/$writer?purge=true&confirm=true" -H 'X-Confirm-Name: Writer'
    check 'another is purged' 200 "d['status'] == 'purged'"
    api GET /workspaces
    check 'neither is listed' 200 "not {'$reader', '$writer'} & {w['id'] for w in d}"
}

drive_tenant() {
    call GET "$tenant/health"
    check 'the tenant is well' 200 "d['status'] == 'ok'"
    find_concierge
    # Siblings under the concierge, or, where there is none, under the first of them.
    if [ -z "$concierge" ]; then
        create top '{"name":"Top","model":"moonshot/kimi-k2.6"}'
        up "$top" 'it is online'
    fi
    local parent=${concierge:-$top}
    create writer '{"name":"Writer","model":"moonshot/kimi-k2.6","parent_id":"'"$parent"'"}'
    create reader '{"name":"Reader","template":"seo-agent","parent_id":"'"$parent"'"}'
    up "$writer" 'the writer is online'
    up "$reader" 'the reader is online'
    check_refusals
    check_message
    check_files
    check_plugins
    check_peers
    check_secrets
    check_events
    delete_workspaces
    if [ -z "$concierge" ]; then
        api DELETE "/workspaces/$top?purge=true" -H 'X-Confirm-Name: Top'
        check 'and their parent' 200 "d['status'] == 'purged'"
    fi
}

status=0
if [ -n "$cp_token" ]; then
    create_organisation
    check_org_guard
    drive_tenant
    delete_organisation
else
    tenant=$base
    org_header=()
    drive_tenant
fi
finish
