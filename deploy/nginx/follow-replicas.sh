#!/bin/sh
# nginx, told anew which addresses stand behind a name whenever that changes: `--scale` needs no restart.
#   follow-replicas.sh NAME:PORT ...
# Open-source nginx 1.22 looks a name up once, at its start, and would not start without it; and kept-alive
# connections need servers known by address. A reload drops no request, but closes kept-alive connections
# that are idle: a client that uses one at that moment has to ask again, as HTTP says.
set -u
list=/tmp/upstreams.conf
replicated=${1%:*}
turn=0

addresses() { # NAME -> its addresses, one a line; those of before if the name server does not answer
    # Only the first has replicas, and a name that is nowhere goes on to the name server outside, slow or not.
    [ "$1" = "$replicated" ] || [ $((turn % 60)) = 0 ] || { cat "/tmp/$1.addresses" 2>/dev/null; return; }
    found=$(RES_OPTIONS='timeout:1 attempts:1' timeout 3 getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u)
    [ -z "$found" ] || echo "$found" >"/tmp/$1.addresses"
    cat "/tmp/$1.addresses" 2>/dev/null
}

upstreams() {
    for target in "$@"; do
        name=${target%:*} port=${target#*:} known=
        echo "upstream $name {"
        echo "    zone $name 64k;"
        for address in $(addresses "$name"); do
            echo "    server $address:$port max_fails=3 fail_timeout=2s;"
            known=1
        done
        [ -n "$known" ] || echo "    server 127.0.0.1:9 down;"
        echo "    keepalive 32;"
        echo "    keepalive_timeout 60s;"
        echo "}"
    done
}

sh "${0%/*}/configure.sh" /tmp || exit
upstreams "$@" >"$list"
nginx -g 'daemon off;' &
nginx=$!
trap 'kill -QUIT $nginx; wait $nginx; exit' TERM QUIT INT
while kill -0 "$nginx" 2>/dev/null; do
    turn=$((turn + 1))
    # In the background: a signal ends the wait at once, but would wait for a name server that is slow.
    { sleep 1; upstreams "$@" >"$list.new"; } &
    wait $!
    cmp -s "$list" "$list.new" || { mv "$list.new" "$list" && nginx -s reload; }
done
wait "$nginx"
