# shellcheck shell=bash disable=SC2034,SC2154,SC2174
# Sourced by the scripts that build tributary: the Debian packages it needs, and their installation.
#
# Installing PostgreSQL must leave no new server behind. So while it is installed, the packages are told to make no
# cluster and start no service; both settings are put back afterwards, also when an earlier installation was killed.

tributary_packages=(
  g++ cmake ninja-build ccache pkg-config
  libpq-dev libsqlite3-dev libsqlitecpp-dev libboost1.81-dev libssl-dev libprotobuf-dev protobuf-compiler libzstd-dev
  libspdlog-dev libtomlplusplus-dev libcli11-dev libsystemd-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev postgresql-15
)

# Runs as root, with the packages as arguments, in a shell of its own.
install_packages_as_root() {
  # Not local: the trap reads them when the function is over.
  cluster_settings=/etc/postgresql-common/createcluster.conf
  saved_settings=$cluster_settings.before-tributary
  policy=/usr/sbin/policy-rc.d
  mark='# Made by tributary while it installs packages.'

  put_back() {
    if [[ -e $saved_settings ]]; then mv -f "$saved_settings" "$cluster_settings"; fi
    if [[ -e $policy ]] && grep -qF "$mark" "$policy"; then rm -f "$policy"; fi
  }
  put_back
  trap put_back EXIT
  trap 'exit 130' INT TERM HUP

  export DEBIAN_FRONTEND=noninteractive
  local get=(apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
  fi
  "${get[@]}" update || echo "apt's lists could not be renewed; going on with those at hand" >&2
  local package
  for package in "$@"; do
    if [[ $package == postgresql-15 ]]; then
      "${get[@]}" install --no-install-recommends postgresql-common </dev/null
      cp -p "$cluster_settings" "$saved_settings"
      sed -i '/^[[:space:]]*create_main_cluster[[:space:]]*=/d' "$cluster_settings"
      printf '\ncreate_main_cluster = false\n' >>"$cluster_settings"
    fi
  done
  "${get[@]}" install --no-install-recommends "$@" </dev/null
}

# Installs what is missing of the named packages, after saying what and why. Returns 1, with a list, where it cannot.
ensure_packages() {
  local package missing=()
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    if [[ ${TRIBUTARY_PACKAGES:-} == present ]]; then return 0; fi
    {
      echo "This machine has no apt. tributary needs what these packages of Debian 12 hold:"
      printf '  %s\n' "$@"
      echo "Install them in this system's way, then set TRIBUTARY_PACKAGES=present and run this again."
    } >&2
    return 1
  fi
  for package in "$@"; do
    if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then return 0; fi

  echo "These packages are missing and will be installed with apt, in a few minutes: compiler, libraries, and"
  echo "PostgreSQL 15 (its programs only: no server is set up or started)."
  printf '  %s\n' "${missing[@]}"
  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "That needs root, and there is no sudo here. As root:" >&2
      echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  # From / because root may not be allowed into this directory (a home on NFS).
  if ! (cd / && "${as_root[@]}" bash -euo pipefail -c \
    "$(declare -f install_packages_as_root); install_packages_as_root \"\$@\"" bash "${missing[@]}"); then
    echo "The packages could not be installed; apt's messages above say why." >&2
    return 1
  fi
}
