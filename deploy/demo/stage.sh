# shellcheck shell=bash disable=SC2034,SC2154,SC2174
# Sourced by demo.sh: three PostgreSQL servers and three agents in one directory, and how all of it goes away.
#
# Everything lives below /tmp/tributary-demo-UID/run-*, with a lock as long as the demo runs. A run that was killed is
# cleaned up by the next.

tiers=(district region nation)
runs_directory=/tmp/tributary-demo-$(id -u)
postgres_programs=/usr/lib/postgresql/15/bin
declare -A agent_pid=() server_pid=() server_port=() intake_port=() status_port=()
run_directory=

# The server refuses to run as root.
server_user=()
if [[ $(id -u) == 0 ]]; then server_user=(--reuid postgres --regid postgres --init-groups); fi

# Commands that must not hold the run's lock, and that die with the demo.
start_in_background() {  # SIGNAL LOG COMMAND...
  local signal=$1 log=$2
  shift 2
  setsid setpriv --pdeathsig "$signal" "$@" >>"$log" 2>&1 </dev/null {run_lock}>&- &
}

is_in() { [[ $(readlink "/proc/$1/cwd" 2>/dev/null) == "$2" ]]; }

# Stops what a run left behind, and deletes it. Processes are known by their working directory, not by a number alone.
remove_run() {
  local run=$1 tier pid i
  for tier in "${tiers[@]}"; do
    pid=$(cat "$run/$tier/agent.pid" 2>/dev/null || true)
    for i in {1..30}; do
      if [[ -z $pid ]] || ! is_in "$pid" "$run/$tier"; then break; fi
      kill -s "$( ((i < 20)) && echo TERM || echo KILL)" "$pid" 2>/dev/null || true
      sleep 0.1
    done
  done
  for tier in "${tiers[@]}"; do
    pid=$(head -n 1 "$run/$tier/data/postmaster.pid" 2>/dev/null || true)
    for i in {1..100}; do
      if [[ -z $pid ]] || ! is_in "$pid" "$run/$tier/data"; then break; fi
      kill -s "$( ((i < 80)) && echo QUIT || echo KILL)" "$pid" 2>/dev/null || true
      sleep 0.1
    done
  done
  rm -rf "$run"
}

make_run_directory() {
  mkdir -p -m 755 "$runs_directory"
  if [[ ! -O $runs_directory || -L $runs_directory ]]; then
    echo "$runs_directory belongs to another user" >&2
    return 1
  fi
  local all run lock
  exec {all}>"$runs_directory/.lock"
  flock "$all"
  for run in "$runs_directory"/run-*; do
    if [[ ! -d $run ]]; then continue; fi
    exec {lock}>>"$run/.lock"
    if flock -n "$lock"; then
      echo "Cleaning up after a demo that was killed."
      remove_run "$run"
    fi
    exec {lock}>&-
  done
  run_directory=$(mktemp -d "$runs_directory/run-XXXXXX")
  # PostgreSQL's own user passes through when this is root; nobody else has business here.
  if [[ $(id -u) == 0 ]]; then chmod 711 "$run_directory"; fi
  exec {run_lock}>"$run_directory/.lock"
  flock "$run_lock"
  exec {all}>&-
}

leave_nothing() {
  if [[ -n $run_directory ]]; then
    remove_run "$run_directory"
    run_directory=
    wait 2>/dev/null || true
  fi
}

# Ports of the loopback interface that are free now, below those that the system gives out by itself.
free_ports() {  # COUNT
  perl -MIO::Socket::INET -e '
    my @sockets;
    while (@sockets < $ARGV[0]) {
      my $port = 20000 + int(rand(12000));
      my $socket = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 1) or next;
      push @sockets, $socket;
      print "$port\n";
    }' "$1"
}

start_server() {  # TIER
  local tier=$1 home=$run_directory/$1 i
  mkdir "$home" "$home/data"
  cp "$run_directory/password" "$home/password"
  if [[ $(id -u) == 0 ]]; then chown postgres "$home/data" "$home/password"; fi
  setpriv "${server_user[@]}" "$postgres_programs/initdb" --pgdata="$home/data" --username=postgres \
    --pwfile="$home/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$home/initdb.log"
  rm "$home/password"
  cat >>"$home/data/postgresql.conf" <<SETTINGS
port = ${server_port[$tier]}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
shared_buffers = '32MB'
max_connections = 40
SETTINGS
  start_in_background QUIT "$home/server.log" "${server_user[@]}" "$postgres_programs/postgres" -D "$home/data"
  server_pid[$tier]=$!
  for i in {1..300}; do
    if "$postgres_programs/pg_isready" -q -h 127.0.0.1 -p "${server_port[$tier]}"; then return 0; fi
    if ! kill -0 "${server_pid[$tier]}" 2>/dev/null; then break; fi
    sleep 0.1
  done
  cat "$home/server.log" >&2
  return 1
}

connection() {  # TIER USER
  echo "host=127.0.0.1 port=${server_port[$1]} dbname=demo user=$2 passfile=$run_directory/passfile"
}

sql_at() {  # TIER [psql's arguments]
  "$postgres_programs/psql" "$(connection "$1" postgres)" -X -q -t -A -v ON_ERROR_STOP=1 "${@:2}"
}

tributary_at() {  # TIER COMMAND...
  "$tributary" "$2" -c "$run_directory/$1/tributary.toml" "${@:3}"
}

start_agent() {  # TIER
  local home=$run_directory/$1
  cd "$home" || return
  start_in_background KILL "$home/agent.log" "$tributary" run -c "$home/tributary.toml"
  agent_pid[$1]=$!
  cd / || return
  echo "${agent_pid[$1]}" >"$home/agent.pid"
}

stop_agent() {  # TIER
  kill -TERM "${agent_pid[$1]}"
  wait "${agent_pid[$1]}" || true
}

# The configuration of a node, as in README.md; what it sends is the same at every tier.
write_config() {  # TIER PARENT CHILD, empty where there is none
  local tier=$1 parent=$2 child=$3 table
  cat <<NODE
[node]
name = "$tier"
tier = "$tier"
[database]
connection = "$(connection "$tier" tributary)"
[tls]
ca = "../pki/ca.pem"
certificate = "../pki/$tier.pem"
key = "../pki/$tier.key"
[queue]
path = "queue.db"
min_free_disk = "64 MiB"
[status]
listen = "127.0.0.1:${status_port[$tier]}"
NODE
  if [[ -n $parent ]]; then
    printf '[parent]\nname = "%s"\nendpoints = ["127.0.0.1:%s"]\n' "$parent" "${intake_port[$parent]}"
    for table in document photo measurement; do
      printf '[[table]]\nname = "public.%s"\nwhere = "status = '\''approved'\''"\n' "$table"
    done
  fi
  if [[ -n $child ]]; then
    printf '[intake]\nlisten = "127.0.0.1:%s"\n' "${intake_port[$tier]}"
    printf 'tables = ["public.document", "public.photo", "public.measurement"]\n[[child]]\nname = "%s"\n' "$child"
  fi
}
