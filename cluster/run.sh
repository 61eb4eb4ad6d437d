#!/bin/bash
# Runs a sweep and starts it again where it has crashed: a killed rank, a host that is gone, a cut cable.
set -u

usage() {
    cat <<'END'
usage: cluster/run.sh [-n RANKS] [--hostfile FILE] [--restarts TIMES] thaw run SWEEP.yaml [OPTION...]

Runs the command, with -n under mpirun, and starts it again where it has crashed: at most 5 times (--restarts), after
1, 2, 4, ... seconds. It is not started again when it is done (exit code 0), when trials failed (1), when the input is
wrong (2), or when you have asked it to stop: Ctrl-C or a signal, once, lets the epochs that are running end; twice ends
it now.

Examples:
  cluster/run.sh -n 2 thaw run sweep.yaml
  cluster/run.sh -n 8 --hostfile cluster/hostfile thaw run sweep.yaml --runs /shared/runs
END
}

# The value of an option, which has to be there.
value() {
    if [ -z "${2-}" ]; then
        echo "cluster/run.sh: $1 wants a value" >&2
        return 1
    fi
    echo "$2"
}

world=() hostfile=() restarts=5
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        -n) ranks=$(value "$@") || exit 2; world=(mpirun -n "$ranks" --bind-to none); shift 2 ;;
        --hostfile) hostfile=(--hostfile "$(value "$@")") || exit 2; shift 2 ;;
        --restarts) restarts=$(value "$@") || exit 2; shift 2 ;;
        -*) echo "cluster/run.sh: there is no option $1; see --help" >&2; exit 2 ;;
        *) break ;;
    esac
done
world+=("${hostfile[@]}")
case $restarts in '' | *[!0-9]*) echo "cluster/run.sh: --restarts is '$restarts'; it must be a number" >&2; exit 2 ;; esac
[ $# -gt 0 ] || { usage >&2; exit 2; }
[ "${world[0]-}" != --hostfile ] || { echo "cluster/run.sh: --hostfile wants -n" >&2; exit 2; }
command=("${world[@]}" "$@")

# mpirun finds a host that has gone silent in ten seconds instead of ten minutes.
export OMPI_MCA_oob_tcp_keepalive_time="${OMPI_MCA_oob_tcp_keepalive_time:-5}"
export OMPI_MCA_oob_tcp_keepalive_intvl="${OMPI_MCA_oob_tcp_keepalive_intvl:-1}"
export OMPI_MCA_oob_tcp_keepalive_probes="${OMPI_MCA_oob_tcp_keepalive_probes:-5}"

# The command runs in a session of its own, so that a Ctrl-C comes here: mpirun would end all ranks at once.
running='' asked=0
stop() {
    asked=$((asked + 1))
    [ -z "$running" ] || kill -"$([ $asked -eq 1 ] && echo USR2 || echo TERM)" "$running" 2>/dev/null
}
trap stop INT TERM HUP USR1 USR2

# What a world has left on this host would keep the results from the next one.
end_rest() {
    local stat line
    for stat in /proc/[0-9]*/stat; do
        read -r line 2>/dev/null <"$stat" || continue
        # shellcheck disable=SC2086  # after the name: state, parent, group, session
        set -- ${line##*) }
        [ "$4" != "$running" ] || kill -KILL "${stat//[!0-9]/}" 2>/dev/null
    done
}

# Where mpirun cannot start anything it ends as thaw does with failed trials: so it is tried before.
hosts_answer() { [ ${#world[@]} -eq 0 ] || setsid --wait "${world[@]}" true </dev/null; }

pause=1
for ((restart = 0; ; ++restart)); do
    if [ $restart -eq 0 ] || hosts_answer; then
        setsid "${command[@]}" </dev/null &
        running=$!
        [ $asked -eq 0 ] || kill -USR2 $running # asked before it had a number
        wait $running
        while kill -0 $running 2>/dev/null; do wait $running; done # a signal ends `wait` early
        wait $running
        status=$?
        end_rest
        running=''
        case $status in
            0 | 1 | 2 | 126 | 127) exit "$status" ;; # done, some trials failed, wrong input, no such program
        esac
    fi
    [ $asked -eq 0 ] || exit "$status"
    if [ "$restart" -ge "$restarts" ]; then
        echo "cluster/run.sh: ended with $status, and $restarts restarts are used up; the same command goes on" >&2
        exit "$status"
    fi
    echo "cluster/run.sh: ended with $status; starting it again in $pause s" >&2
    sleep $pause &
    wait $! # which a signal ends
    [ $asked -eq 0 ] || exit "$status"
    pause=$((pause < 32 ? 2 * pause : 60))
done
