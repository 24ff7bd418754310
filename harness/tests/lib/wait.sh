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

# processes_of DIR: ids of this project's processes whose command line or environment names
# DIR. A child of the box is called npx, after the link that it was started by.
processes_of() {
    local pid
    for pid in $(pgrep '^(waybill|npx)'); do
        if grep -qaF "$1" "/proc/$pid/environ" "/proc/$pid/cmdline" 2>/dev/null; then
            echo "$pid"
        fi
    done
}

nothing_left_of() { [ -z "$(processes_of "$1")" ]; }

# process_with DIR WORDS: id of the first such process whose command line begins so.
process_with() {
    local pid
    for pid in $(processes_of "$1"); do
        if { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qE "$2"; then
            echo "$pid"
            return 0
        fi
    done
    return 1
}
