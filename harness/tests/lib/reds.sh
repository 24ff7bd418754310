# For tests that a set of scenarios can fail: a table of what turns which checks red. Sourced
# from the root of the project, with the table, the words that select the scenarios and the
# number of sections at once:
#
#   reds_begin TABLE [ARGUMENT...]   takes --update and --only TEXT of the test's arguments
#   reds_run NAME ARGUMENTS...       `waybill run` with these; what it found is $work/NAME.*
#   reds_sections AT_ONCE COMMAND [MOST]   COMMAND NUMBER ARGUMENTS... for each section
#   reds_compare                     each section against the table, or a new table (and exit)
#   reds_cover FILE                  is every check of FILE red in some section?
#   reds_end                         the summary; returns 1 when something has failed
#
# A section of the table begins with "@ ARGUMENTS"; the lines below it are
# SCENARIO | STEP | CHECK, none when nothing must turn red.
# shellcheck shell=bash

waybill=build/${MODE:-release}/waybill
passed=0 failed=0 update=0 only='' table='' sections=()
work=$(mktemp -d "${TMPDIR:-/tmp}/waybill-reds-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say() { # ok or FAIL, words
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$1    $2"
}

reds_begin() {
    table=$1
    case ${2:-} in
    --update) update=1 ;;
    --only) only=${3:?} ;;
    esac
}

reds_run() {
    local name=$1 db=$work/$1.db start=$SECONDS
    shift
    "$waybill" run --db "$db" --color never "$@" >"$work/$name.log" 2>&1
    echo $? >"$work/$name.exit"
    sqlite3 "$db" "select scenario || ' | ' || step || ' | ' || name from v_check
        where verdict <> 'PASS'" | sort -u >"$work/$name.red"
    sqlite3 "$db" "select scenario || ' | ' || step || ' | ' || name || ' => ' || verdict || ' ' ||
        replace(substr(coalesce(actual, ''), 1, 300), char(10), ' ') from v_check where verdict <> 'PASS'
        union all select scenario || ' => ' || coalesce(verdict, 'no verdict') || ' ' || coalesce(reason, '')
        from v_scenario where verdict <> 'PASS' or verdict is null" >"$work/$name.actual"
    sqlite3 "$db" "select scenario || ' | ' || step || ' | ' || name || ' | ' || coalesce(actual, '')
        from v_check where verdict = 'BROKEN'
        union all select scenario || ' | ' || coalesce(reason, '') from v_scenario
        where verdict = 'BROKEN' or verdict is null" >"$work/$name.broken"
    echo $((SECONDS - start)) >"$work/$name.seconds"
}

reds_sections() {
    local at_once=$1 command=$2 i
    mapfile -t sections < <(sed -n 's/^@ //p' "$table" | grep -F -- "$only" | head -n "${3:-1000}")
    for i in "${!sections[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
        eval "set -- ${sections[$i]}"
        "$command" "$i" "$@" &
    done
    wait
}

reds_expected_of() {
    want="@ $1" awk '/^@/ { on = ($0 == ENVIRON["want"]); next } on && NF && !/^#/' "$table" | sort
}

reds_update() {
    local i
    for i in "${!sections[@]}"; do
        { echo "@ ${sections[$i]}"; cat "$work/$i.red"; echo; } >>"$work/new"
        [ ! -s "$work/$i.broken" ] || { echo "BROKEN under ${sections[$i]}:"; sed 's/^/    /' "$work/$i.broken"; }
    done
    { sed '/^@/,$d' "$table"; cat "$work/new"; } >"$work/table" && cp "$work/table" "$table"
    exit 0
}

reds_compare() {
    local i section code want
    [ $update = 0 ] || reds_update
    for i in "${!sections[@]}"; do
        section=${sections[$i]}
        reds_expected_of "$section" >"$work/$i.expected"
        code=$(cat "$work/$i.exit") want=1
        [ -s "$work/$i.expected" ] || want=0
        if [ "$code" = "$want" ] && [ ! -s "$work/$i.broken" ] &&
            cmp -s "$work/$i.expected" "$work/$i.red"; then
            say ok "$section: $(wc -l <"$work/$i.red") red, $(cat "$work/$i.seconds") s"
        else
            say FAIL "$section: exit $code, expected $want"
            diff -U0 "$work/$i.expected" "$work/$i.red" | grep -E '^[-+] ?[a-z]' | sed 's/^/      /'
            comm -13 "$work/$i.expected" "$work/$i.red" | grep -F -f - "$work/$i.actual" | sed 's/^/      because /'
            sed 's/^/      BROKEN /' "$work/$i.broken"
            [ "$code" -lt 2 ] || tail -n 5 "$work/$i.log" | sed 's/^/      /'
        fi
    done
}

# Lines SCENARIO | STEP | CHECK of a run, for reds_cover.
reds_checks_of() { # name
    sqlite3 "$work/$1.db" "select distinct scenario || ' | ' || step || ' | ' || name from v_check"
}

reds_cover() {
    sort -u "$1" >"$work/all"
    cat "$work"/[0-9]*.red | sort -u >"$work/covered"
    comm -23 "$work/all" "$work/covered" >"$work/uncovered"
    if [ -s "$work/all" ] && [ ! -s "$work/uncovered" ]; then
        say ok "each of the $(wc -l <"$work/all") checks is turned red by something"
    else
        say FAIL "$(wc -l <"$work/uncovered") checks that nothing turns red"
        sed 's/^/      /' "$work/uncovered"
    fi
}

reds_end() {
    echo "$passed passed, $failed failed, 0 skipped"
    [ $failed -eq 0 ]
}
