# Shared by the stand-ins: the answer of a program that has no network here. Sourced, never run.
archive=cifar-100-python.tar.gz

no_network() {
    echo "$1: there is no network here; $2" >&2
}

# Whether "$1" is the data set's archive by name, or the very file under another name.
is_archive() {
    case "${1##*/}" in "$archive" | "$archive"\?*) return 0 ;; esac
    [ -n "$ZACHET_STANDIN_DATA" ] && [ "$1" -ef "$ZACHET_STANDIN_DATA/$archive" ]
}

have_archive() {
    [ -n "$ZACHET_STANDIN_DATA" ] && [ -e "$ZACHET_STANDIN_DATA/$archive" ]
}

# Put the archive at "$1" unless something is there.
place_archive() {
    mkdir -p "$(dirname "$1")" && { [ -e "$1" ] || ln -s "$ZACHET_STANDIN_DATA/$archive" "$1"; }
}

# Run the first of the system's own programs "$1" with the remaining arguments; 127 where there is none.
really() {
    name=$1
    shift
    for folder in /usr/bin /bin /usr/local/bin; do
        [ -x "$folder/$name" ] && exec "$folder/$name" "$@"
    done
    echo "$name: not here" >&2
    exit 127
}
