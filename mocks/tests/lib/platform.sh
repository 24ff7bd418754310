# shellcheck shell=bash
# What the scripts that drive the mock share: a platform of their own, a folder, requests,
# counted checks. Source it from the top of the tree, after `name`; end with `finish`.
# shellcheck disable=SC2154 # the script sets name
mock=build/${MODE:-release}/waybill-mock
work=$(mktemp -d "${TMPDIR:-/tmp}/waybill-$name-XXXXXX")
platform='' line='' status='' passed=0 failed=0
cleanup() {
    [ -z "$platform" ] || kill "$platform" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { # ok or FAIL, words
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$1    $2"
}
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
    exit
}

# start ARGUMENTS...: the platform; its first line becomes $line.
start() {
    line=''
    exec {out}< <(exec "$mock" platform --json "$@" 2>"$work/err")
    platform=$!
    read -r -t $((20 * ${TIMEOUT_MUL:-1})) -u "$out" line
}
stop() { # the platform's exit code
    kill "$platform" 2>/dev/null
    wait "$platform"
    local code=$?
    platform=''
    exec {out}<&-
    return $code
}
of_line() { jq -r ".$1" <<<"$line"; }

# call METHOD URL [CURL ARGUMENT...]: the body goes to $work/body, the headers to
# $work/headers, the code to $status.
call() {
    local method=$1 url=$2
    shift 2
    : >"$work/body"
    status=$(curl -s --max-time $((20 * ${TIMEOUT_MUL:-1})) -X "$method" -o "$work/body" \
        -D "$work/headers" -w '%{http_code}' "$@" "$url")
}
# Conditions for check, about the call before.
answers() { # STATUS JQ
    [ "$status" = "$1" ] && jq -e "$2" "$work/body" >/dev/null
}
is() { # STATUS BODY, to the letter
    [ "$status" = "$1" ] && [ "$(cat "$work/body")" = "$2" ]
}

check() { # NAME COMMAND...
    local what=$1
    shift
    if "$@"; then say ok "$what"; else say FAIL "$what: $status $(head -c 300 "$work/body" 2>/dev/null)"; fi
}
