#!/bin/sh
# What the image runs: the service, or with `serve`, as SageMaker says it, the service on port 8080.
# Any other command is run as it is. With an empty store the default model is trained first, once.
set -eu

if [ "${1:-}" = serve ]; then
    export HOST=0.0.0.0 PORT=8080
    [ ! -d /opt/ml/model ] || export MODELS_DIR=/opt/ml/model
    set -- gunicorn run:app
fi
if [ "${1:-}" = gunicorn ] && [ -f train_model.py ]; then
    # In the background, because a shell that is process 1 hears no SIGTERM while it waits for a command.
    python train_model.py --if-empty &
    trap 'kill $!' TERM INT
    wait $!
    trap - TERM INT
fi
exec "$@"
