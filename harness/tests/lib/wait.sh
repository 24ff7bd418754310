# For script tests: the one place that polls. Sourced.

# until_true SECONDS COMMAND...: runs the command again and again until it succeeds.
until_true() {
    local deadline=$((SECONDS + $1 * ${TIMEOUT_MUL:-1}))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        read -rt 0.02 <> <(:) || :
    done
}

# processes_of DIR: ids of the processes whose command line or environment names DIR, but
# for this shell and its helpers.
processes_of() {
    local dir=$1 p pid
    for p in /proc/[0-9]*; do
        pid=${p#/proc/}
        [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
        case $(readlink "$p/exe" 2>/dev/null) in
        */waybill | */waybill-mock) ;;
        *) continue ;;
        esac
        if tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qF "$dir" ||
            tr '\0' '\n' <"$p/cmdline" 2>/dev/null | grep -qF "$dir"; then
            echo "$pid"
        fi
    done
}

nothing_left_of() { [ -z "$(processes_of "$1")" ]; }

# process_with DIR WORDS: id of the first such process whose command line begins so.
process_with() {
    local pid
    for pid in $(processes_of "$1"); do
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE "$2"; then
            echo "$pid"
            return 0
        fi
    done
    return 1
}
