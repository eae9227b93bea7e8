#!/usr/bin/env bash
# Approved documents travel from a district's database through a region's to the nation's, on this machine.
#   deploy/demo.sh          plays the story, then waits so that you can look around; Ctrl-C removes everything
#   deploy/demo.sh --once   plays the story, compares the tiers row by row, and ends
set -euo pipefail
umask 022
export LC_ALL=C.UTF-8
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME

once=no
case "$*" in
  '') ;;
  --once) once=yes ;;
  *)
    sed -n '2,4s/^# *//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

bold='' dim='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$@"; }

source "$checkout/deploy/packages.sh"
source "$checkout/deploy/build.sh"
source "$checkout/deploy/demo/stage.sh"

# --- what the story is told with ---

# Shows a statement, runs it at the district as its application would, and says how many rows it touched.
at_district() {
  printf '%s  district=# %s%s\n' "$dim" "$1" "$plain"
  sql_at district -c "$1"
}

count() { sql_at "$1" -c "SELECT count(*) FROM $2 ${3:+WHERE $3}"; }

from_status() {  # TIER FIELD: of the node's own queue
  tributary_at "$1" status --json 2>/dev/null | sed -n '/"queue": {/,/}/p' | sed -n "s/.*\"$2\": \"\?\([0-9.]*\).*/\1/p" |
    head -n 1
}

show_tiers() {
  local tier drafts
  printf '\n  %-10s %10s %10s %10s %14s\n' '' drafts documents photos measurements
  for tier in "${tiers[@]}"; do
    drafts=$(count "$tier" document "status = 'draft'")
    printf '  %-10s %10s %10s %10s %14s\n' "$tier" "$drafts" "$(count "$tier" document "status = 'approved'")" \
      "$(count "$tier" photo "status = 'approved'")" "$(count "$tier" measurement "status = 'approved'")"
  done
  printf '\n'
}

approved() { sql_at "$1" -c "SELECT t FROM $2 t WHERE status = 'approved' ORDER BY id"; }
everything() { sql_at "$1" -c "SELECT t FROM $2 t ORDER BY id"; }

# The promise itself: a parent's table is what `SELECT * ... WHERE status = 'approved'` is at its child.
tiers_agree() {
  local table
  for table in document photo measurement; do
    cmp -s <(approved district "$table") <(everything region "$table") || return 1
    cmp -s <(approved region "$table") <(everything nation "$table") || return 1
  done
}

wait_for_agreement() {
  local start milliseconds=0
  start=$(date +%s%3N)
  while ((milliseconds < 60000)); do
    if tiers_agree; then
      milliseconds=$(($(date +%s%3N) - start))
      printf '  The three tiers agree after %d.%d s.\n' $((milliseconds / 1000)) $((milliseconds % 1000 / 100))
      return 0
    fi
    sleep 0.1
    milliseconds=$(($(date +%s%3N) - start))
  done
  say "The tiers do not agree after a minute. What the agents say:" >&2
  for tier in "${tiers[@]}"; do
    tributary_at "$tier" status >&2 || true
    tail -n 20 "$run_directory/$tier/agent.log" >&2
  done
  return 1
}

wait_for_stream() {  # TIER: its slot is there and read
  local i
  for i in {1..300}; do
    if [[ $(sql_at "$1" -c "SELECT count(*) FROM pg_replication_slots
        WHERE active AND confirmed_flush_lsn IS NOT NULL") == 1 ]]; then return 0; fi
    if ! kill -0 "${agent_pid[$1]}" 2>/dev/null; then break; fi
    sleep 0.1
  done
  say "The agent of the $1 does not come to read its database:" >&2
  tail -n 30 "$run_directory/$1/agent.log" >&2
  return 1
}

# --- the story ---

say "${bold}tributary: approved rows flow from district to region to nation${plain}"
say "Needs a compiler, libraries and PostgreSQL 15 from apt; the first build takes some minutes, later ones seconds."
ensure_packages "${tributary_packages[@]}"
build_tributary "$checkout" tributary
tributary=$build_directory/agent/tributary

trap leave_nothing EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
make_run_directory

title "Three servers, three agents, in $run_directory"
mapfile -t ports < <(free_ports 9)
for i in 0 1 2; do
  server_port[${tiers[i]}]=${ports[i]}
  intake_port[${tiers[i]}]=${ports[i + 3]}
  status_port[${tiers[i]}]=${ports[i + 6]}
done
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf '%s\n' "$password" >"$run_directory/password")
(umask 077 && printf '127.0.0.1:*:*:*:%s\n' "$password" >"$run_directory/passfile")

say "  Certificates: one authority, one certificate for each node (tributary pki)."
"$tributary" pki ca --dir "$run_directory/pki" >/dev/null
for tier in "${tiers[@]}"; do "$tributary" pki node "$tier" --dir "$run_directory/pki" >/dev/null; done

say "  PostgreSQL 15 for each tier, with the same three empty tables."
for tier in "${tiers[@]}"; do
  start_server "$tier"
  "$postgres_programs/psql" "$(connection "$tier" postgres) dbname=postgres" -X -q -c 'CREATE DATABASE demo'
  sql_at "$tier" -f "$checkout/deploy/demo/schema.sql"
done

say "  tributary init prepares each database; then the agents start."
write_config district region '' >"$run_directory/district/tributary.toml"
write_config region nation district >"$run_directory/region/tributary.toml"
write_config nation '' region >"$run_directory/nation/tributary.toml"
for tier in "${tiers[@]}"; do
  if ! tributary_at "$tier" init --connect "$(connection "$tier" postgres)" >"$run_directory/$tier/init.log" 2>&1; then
    cat "$run_directory/$tier/init.log" >&2
    exit 1
  fi
  sql_at "$tier" <<<"ALTER ROLE tributary PASSWORD '$password'"  # not as an argument: ps would show it
done
for tier in nation region district; do start_agent "$tier"; done
for tier in district region; do wait_for_stream "$tier"; done

title "1. Drafts stay"
say "The district's application writes 600 documents with long bodies, 600 photos and 1,800 measurements."
sql_at district -f "$checkout/deploy/demo/drafts.sql"
end=$(sql_at district -c 'SELECT pg_current_wal_lsn()')
for i in {1..100}; do
  if [[ $(sql_at district -c "SELECT sent_lsn >= '$end' FROM pg_stat_replication LIMIT 1") == t ]]; then break; fi
  sleep 0.1
done
say "The district's PostgreSQL has been read past them. No draft has left it:"
show_tiers

title "2. Approving sends"
say "One UPDATE, one transaction; a trigger of the application takes photos and measurements along."
at_district "UPDATE document SET status = 'approved' WHERE number <= 400"
wait_for_agreement
show_tiers
say "Bodies and photos arrived whole, though the UPDATE touched neither. Document 7, by its hashes:"
for tier in "${tiers[@]}"; do
  printf '  %-10s %s\n' "$tier" "$(sql_at "$tier" -F ', ' -c "
    SELECT 'body ' || length(d.body) || ' characters ' || md5(d.body),
           'photo ' || length(p.image) || ' bytes ' || md5(p.image)
    FROM document d JOIN photo p ON p.document_id = d.id WHERE d.number = 7")"
done

title "3. Un-approving withdraws"
at_district "UPDATE document SET status = 'draft' WHERE number BETWEEN 101 AND 125"
at_district "UPDATE document SET title = title || ' (corrected)' WHERE number <= 10"
at_district "DELETE FROM document WHERE number = 126"
wait_for_agreement
say "25 documents were withdrawn above, with their photos; ten have new titles; one is gone everywhere:"
show_tiers

title "4. The region is cut off"
say "The region's agent is stopped. The district does not notice: its application goes on."
stop_agent region
for first in 401 431 461 491 521; do
  at_district "UPDATE document SET status = 'approved' WHERE number BETWEEN $first AND $((first + 29))"
  sleep 1
  printf '    waiting in the district'\''s queue: %s batches, %s bytes, the oldest for %.0f s\n' \
    "$(from_status district batches)" "$(from_status district bytes)" "$(from_status district oldest_seconds)"
done
say "Region and nation stand where they stood:"
show_tiers
say "The region's agent starts again, and the backlog drains by itself:"
start_agent region
wait_for_agreement
show_tiers

title "5. The three databases agree"
if ! tiers_agree; then
  say "They do not." >&2
  exit 1
fi
total=0
for table in document photo measurement; do total=$((total + $(count nation "$table"))); done
say "Compared row by row, every column: what is approved at the district is what the region has, and the nation."

if [[ $once == yes ]]; then
  leave_nothing
  say '' "demo: three tiers agree, $total approved rows"
  exit 0
fi

title "Look around"
say "The demo waits. Write at the district, and watch the nation:" ''
for tier in "${tiers[@]}"; do
  printf '  %-10s psql "%s"\n' "$tier" "$(connection "$tier" postgres)"
done
say '' "What each agent says of itself and of everything below it:" ''
for tier in "${tiers[@]}"; do
  printf '  %-10s curl http://127.0.0.1:%s/status\n' "$tier" "${status_port[$tier]}"
done
printf '  %-10s "%s" status -c %s/nation/tributary.toml\n' '' "$tributary" "$run_directory"
say '' "Ctrl-C stops and removes everything." "demo: three tiers agree, $total approved rows"
wait "${agent_pid[@]}"
