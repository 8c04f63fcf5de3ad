#!/bin/sh
# Writes the files that nginx.conf includes, by the environment, into a folder that also has the unix sockets.
#   configure.sh FOLDER
# NGINX_RATE_LIMIT, NGINX_BURST and NGINX_CONNECTIONS are per client IP; MAX_CONTENT_LENGTH is that of the service.
# CORS_ORIGINS is that of the service: whose web pages may read nginx's own errors.
# NGINX_TRUSTED_PROXIES: proxies in front of nginx whose X-Forwarded-For is trusted.
set -eu
folder=$1
rate=${NGINX_RATE_LIMIT:-100r/s}
burst=${NGINX_BURST:-200}
connections=${NGINX_CONNECTIONS:-50}
body=${MAX_CONTENT_LENGTH:-10000000}
proxies=${NGINX_TRUSTED_PROXIES:-}
origins=$(printf %s "${CORS_ORIGINS:-}" | tr -d " ")
module=/usr/lib/nginx/modules/ngx_stream_module.so # in Debian a package, libnginx-mod-stream

check() { # NAME VALUE PATTERN MEANING
    ! printf '%s\0' "$2" | grep -Ezxq "$3" || return 0 # -z: a line feed does not end the value
    echo "Wrong configuration: $1 must be $4, not '$2'" >&2
    exit 1
}
number='[1-9][0-9]{0,11}'
check NGINX_RATE_LIMIT "$rate" "${number}r/[sm]" 'requests a second or minute, such as 100r/s or 600r/m'
check NGINX_BURST "$burst" "0|$number" 'a whole number'
check NGINX_CONNECTIONS "$connections" "$number" 'a whole number above 0'
check MAX_CONTENT_LENGTH "$body" "$number" 'a whole number of bytes above 0'
network='[0-9A-Fa-f.:]+(/[0-9]{1,3})?'
check NGINX_TRUSTED_PROXIES "$proxies" "($network(,$network)*)?" 'addresses or networks with commas between them'

beyond=" burst=$burst nodelay"
[ "$burst" != 0 ] || beyond= # which is how nginx says none
origin='[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]{1,5})?'
check CORS_ORIGINS "$origins" "([*]|$origin(,$origin)*)?" '* or origins such as https://app.example.com'

{ # the value of Access-Control-Allow-Origin, by the header Origin; none by default
    echo 'map $http_origin $error_origin {'
    case $origins in
        '') ;;
        '*') echo 'default *;' ;;
        *) printf '"~^%s$" $http_origin;\n' $(printf %s "$origins" | sed 's/[.+]/\\&/g; s/,/ /g') ;;
    esac
    echo '}'
} >"$folder/origins.conf"
cat >"$folder/limits.conf" <<END
client_max_body_size $body;
limit_req_zone \$counted zone=requests:10m rate=$rate;
limit_req zone=requests$beyond;
limit_conn_zone \$binary_remote_addr zone=connections:10m;
limit_conn connections $connections;
END

directly() { # without front.conf
    : >"$folder/front.conf"
    echo 'listen 8080 default_server backlog=4096;' >"$folder/listen.conf"
    echo 'listen 8443 ssl default_server backlog=4096;' >"$folder/listen-tls.conf"
}
if [ "$proxies" ]; then # all connections are theirs: a limit per client IP is impossible
    directly
    echo "set_real_ip_from $proxies;" | sed 's/,/; set_real_ip_from /g' >>"$folder/listen.conf"
    echo 'real_ip_header X-Forwarded-For;' >>"$folder/listen.conf"
    exit
fi
case "$(nginx -V 2>&1) " in
    *' --with-stream '*) load= ;;
    *) load="load_module $module;" ;;
esac
if [ "$load" ] && [ ! -e "$module" ]; then
    echo 'nginx has no stream module: connections without a whole head are not limited by address' >&2
    directly
    exit
fi
rm -f "$folder/http.sock" "$folder/https.sock" # left by an nginx that was killed
cat >"$folder/listen.conf" <<END
listen unix:$folder/http.sock default_server proxy_protocol;
set_real_ip_from unix:;
real_ip_header proxy_protocol;
END
echo "listen unix:$folder/https.sock ssl default_server proxy_protocol;" >"$folder/listen-tls.conf"
# limit_conn in http counts a connection once its request's head is complete; in stream at once.
cat >"$folder/front.conf" <<END
$load
stream {
    limit_conn_zone \$binary_remote_addr zone=connections_of_any_kind:10m;
    limit_conn connections_of_any_kind $((connections * 4)); # connections beyond are closed
    proxy_protocol on; # passes the client IP to http
    proxy_half_close on; # lets a client that is rejected while it sends read the answer
    proxy_timeout 65s; # longer than keepalive_timeout
    server {
        listen 8080 backlog=4096;
        proxy_pass unix:$folder/http.sock;
    }
    server {
        listen 8443 backlog=4096; # fails until nginx.conf switches TLS on
        proxy_pass unix:$folder/https.sock;
    }
}
END
