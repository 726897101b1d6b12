#!/bin/sh
# Writes Kong's configuration with the keys of its consumers and the readers' origin: render.sh FROM TO
set -eu
umask 077
text=$(cat "$1")
for name in KEY_SITE KEY_OPERATIONS; do
  key=''
  eval "key=\${$name:-}"
  case $key in
    '' | *[!A-Za-z0-9_-]*) echo "$name must be letters, digits, - and _" >&2; exit 1 ;;
  esac
  [ "${#key}" -ge 16 ] || { echo "$name must have at least 16 characters" >&2; exit 1; }
  text=$(printf '%s\n' "$text" | sed "s/@$name@/$key/g")
done
case ${PUBLIC_URL:-} in
  http://?* | https://?*) ;;
  *) echo "PUBLIC_URL must start with http:// or https://" >&2; exit 1 ;;
esac
case $PUBLIC_URL in
  *[!A-Za-z0-9:/.-]*) echo "PUBLIC_URL must be like https://news.example" >&2; exit 1 ;;
esac
text=$(printf '%s\n' "$text" | sed "s|@ORIGIN@|$PUBLIC_URL|g")
printf '%s\n' "$text" > "$2"
