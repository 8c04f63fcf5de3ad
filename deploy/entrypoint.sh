#!/bin/sh
# Entry point of the image: runs the service, `serve` (SageMaker's command) with the mounted model, or any other
# command. Trains the default model first if the store is empty.
set -eu

train=1
if [ "${1:-}" = serve ]; then
    set -- gunicorn run:app
    # A missing model is an error there, not a reason to train the default one.
    [ ! -d /opt/ml/model ] || { export MODELS_DIR=/opt/ml/model; train=; }
fi
if [ "$train" ] && [ "${1:-}" = gunicorn ] && [ -f train_model.py ]; then
    # In the background, because a shell as process 1 handles no SIGTERM while a command runs in the foreground.
    python train_model.py --if-empty &
    trap 'kill $!' TERM INT
    wait $!
    trap - TERM INT
fi
exec "$@"
