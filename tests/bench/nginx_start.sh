# The benchmarks of nginx read this file: it starts nginx with one worker on a free port, and sets folder (nginx's and theirs), port and
# nginx (the process). Ends the script with a row that says so where a program is not there.
#
# Takes the variables upstream and trickle (addresses of the servers), models (paths of the latter, each a model of the gateway) and row
# (what is measured).
modules=${NGINX_MODULES:-/usr/lib/nginx/modules}
if ! command -v nginx >/dev/null || ! command -v wrk >/dev/null || [ ! -f "$modules/ngx_http_lua_module.so" ]; then
  echo "| $row (no nginx, no Lua module or no wrk here) | – | – |"
  exit 0
fi

folder=$(mktemp -d) address=${upstream#http://}
port=$(lua5.4 -e 'local s = require "socket".bind("127.0.0.1", 0) print((select(2, s:getsockname())))')
sed -e "s|@ROOT@|$PWD|g; s|@MODULES@|$modules|; s|@PORT@|$port|; s|@UPSTREAM@|$upstream|; s|@HOST@|$address|" \
  -e "s|@BARE_HOST@|${address%:*}|; s|@BARE_PORT@|${address##*:}|; s|@TRICKLE@|$trickle|; s|@TRICKLE_HOST@|${trickle#http://}|" \
  -e "s|@MODELS_OF_TRICKLE@|$models|" tests/bench/nginx.conf >"$folder/nginx.conf"
nginx -e error.log -p "$folder" -c nginx.conf &
nginx=$!
trap 'kill $nginx; rm -rf "$folder"' EXIT INT TERM
until curl -s -o /dev/null "http://127.0.0.1:$port/small/"; do kill -0 $nginx && sleep 0.05; done
