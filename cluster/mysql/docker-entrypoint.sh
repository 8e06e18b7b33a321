#!/bin/bash
# Keep the contract of the official MySQL image that this project uses: initialise an empty
# data directory, then set root's password and reach, and make MYSQL_DATABASE and MYSQL_USER.
# It does not run files from /docker-entrypoint-initdb.d.
set -euo pipefail

# value NAME: $NAME, or the content of the file that $NAME_FILE names.
value() {
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}

# quoted TEXT: TEXT as an SQL string.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}

initialise() {
  local root_password database user password root_host
  root_password=$(value MYSQL_ROOT_PASSWORD)
  database=$(value MYSQL_DATABASE)
  user=$(value MYSQL_USER)
  password=$(value MYSQL_PASSWORD)
  root_host=$(value MYSQL_ROOT_HOST)
  if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
    # The official image prints it. Here nobody gets to know it: no secret belongs in a log.
    root_password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  fi
  if [ -z "$root_password" ] && [ -z "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    echo "mysql: set MYSQL_ROOT_PASSWORD, MYSQL_ROOT_PASSWORD_FILE, MYSQL_RANDOM_ROOT_PASSWORD or" \
      "MYSQL_ALLOW_EMPTY_PASSWORD" >&2
    exit 1
  fi
  echo "mysql: initialising the data directory"
  local statements
  statements=$(mktemp)
  {
    [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
    if [ -n "$user" ] && [ -n "$password" ]; then
      echo "CREATE USER IF NOT EXISTS $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
      [ -z "$database" ] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO $(quoted "$user")@'%';"
    fi
    if [ -n "$root_host" ] && [ "$root_host" != localhost ] || [ -z "$root_host" ]; then
      echo "CREATE USER IF NOT EXISTS 'root'@$(quoted "${root_host:-%}") IDENTIFIED BY $(quoted "$root_password");"
      echo "GRANT ALL ON *.* TO 'root'@$(quoted "${root_host:-%}") WITH GRANT OPTION;"
    fi
    [ -z "$root_password" ] || echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "$root_password");"
  } > "$statements"
  "$@" --initialize-insecure --init-file="$statements"
  rm -f "$statements"
  echo "mysql: the data directory is initialised"
}

[ "${1#-}" = "$1" ] || set -- mysqld "$@"
if [ "$1" = mysqld ]; then
  if [ "$(id -u)" = 0 ]; then
    # mysqld refuses to run as root; nobody in particular is asked for here.
    chown -R 999:999 /var/lib/mysql /var/run/mysqld
    exec setpriv --reuid=999 --regid=999 --clear-groups -- "$0" "$@"
  fi
  [ -d /var/lib/mysql/mysql ] || initialise "$@"
fi
exec "$@"
