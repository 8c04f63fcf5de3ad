#!/bin/sh
# What the image runs: the service; `serve`, as SageMaker calls it, with the model that is mounted there.
# Any other command is run as it is. With an empty store the default model is trained first, once.
set -eu

train=1
if [ "${1:-}" = serve ]; then
    set -- gunicorn run:app
    # What is missing there must not be replaced by another model.
    [ ! -d /opt/ml/model ] || { export MODELS_DIR=/opt/ml/model; train=; }
fi
if [ "$train" ] && [ "${1:-}" = gunicorn ] && [ -f train_model.py ]; then
    # In the background, because a shell that is process 1 hears no SIGTERM while it waits for a command.
    python train_model.py --if-empty &
    trap 'kill $!' TERM INT
    wait $!
    trap - TERM INT
fi
exec "$@"
