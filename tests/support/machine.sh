#!/usr/bin/env bash
# Makes a machine of its own out of this one, for tests/support/machine.cpp: Debian as it is here, without PostgreSQL's
# clusters and without tributary. Runs as the first process of new namespaces (mounts, processes, network of the test);
# what is done in them is gone with them.
#
#   machine.sh DIRECTORY      DIRECTORY takes what needs room; `sbin/ready` appears in it when the machine is
#
# Root's home is /run/home there. Whatever else of the root file system is not the machine's own cannot be written.
set -euo pipefail
place=$1
umask 022
mount -t tmpfs -o mode=755 none /run
install -d -m 2775 -o postgres -g postgres /run/postgresql
install -d -m 700 /run/home
install -d -m 1777 /run/tmp
mount -t tmpfs -o mode=1777 none /dev/shm

# A file system over the one that is there: what is read is its, what is written is this machine's.
mount -t tmpfs -o mode=755 none /mnt
for directory in etc var/lib var/log; do
  mkdir -p "/mnt/upper/$directory" "/mnt/work/$directory"
  mount -t overlay overlay -o "lowerdir=/$directory,upperdir=/mnt/upper/$directory,workdir=/mnt/work/$directory" \
    "/$directory"
done
rm -rf /etc/tributary /var/lib/tributary /etc/postgresql /etc/systemd/system/tributary.service
if id -u tributary >/dev/null 2>&1; then userdel tributary; fi
if getent group tributary >/dev/null; then groupdel tributary; fi
mkdir -p /etc/postgresql /etc/systemd/system /var/lib/postgresql /var/log/postgresql
chown postgres:postgres /etc/postgresql

put() {
  mkdir -p "$place/$1"
  mount --bind "$place/$1" "$2"
}
put bin /usr/local/bin
put sbin /usr/local/sbin
put postgresql /var/lib/postgresql
put log /var/log/postgresql
chown postgres:postgres /var/lib/postgresql /var/log/postgresql

# No systemd runs here. This one does what the units say, as far as the README asks for it.
cat >/usr/local/sbin/systemctl <<'SYSTEMCTL'
#!/usr/bin/env bash
set -euo pipefail
value_of() { sed -n "s/^$1=//p" /etc/systemd/system/tributary.service; }
case "$*" in
  "restart postgresql")
    for cluster in /etc/postgresql/*/*; do
      name=${cluster#/etc/postgresql/}
      pg_ctlcluster --skip-systemctl-redirect "${name%/*}" "${name#*/}" restart
    done
    ;;
  "enable --now tributary" | "start tributary")
    user=$(value_of User)
    install -d -m "$(value_of StateDirectoryMode)" -o "$user" -g "$(value_of Group)" "/var/lib/$(value_of StateDirectory)"
    umask "$(value_of UMask)"
    read -r -a words <<<"$(value_of ExecStart)"
    cd /
    setsid runuser -u "$user" -- "${words[@]}" </dev/null >>/var/log/tributary.log 2>&1 &
    ;;
  "reload tributary") kill -HUP "$(pgrep -o -x tributary)" ;;
  "stop tributary") kill -TERM "$(pgrep -o -x tributary)" ;;
  *)
    echo "systemctl $*: not known on this machine" >&2
    exit 1
    ;;
esac
SYSTEMCTL
chmod 755 /usr/local/sbin/systemctl
mount -o remount,bind,ro /
touch /usr/local/sbin/ready
# The first process has every orphan's end to hear of.
while true; do
  sleep 3600 &
  wait $! || true
done
