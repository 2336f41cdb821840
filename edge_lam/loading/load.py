"""`load`: from the options of a load to a model that answers."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.cache import BakedFile, PrefixStore, prefix_folder, state_key
from edge_lam.decoding import TokenizerAhead, check_vocabulary, choose_engine
from edge_lam.engine import Engine
from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect, read_template
from edge_lam.lam import LAM
from edge_lam.llama import Context, Model, ModelFile, choose_device
from edge_lam.loading.admission import admit
from edge_lam.loading.model_path import find_model, open_descriptor
from edge_lam.loading.options import LoadOptions, takes
from edge_lam.loading.planning import plan_of
from edge_lam.metrics.log import CallLog
from edge_lam.metrics.telemetry import Telemetry

if TYPE_CHECKING:
    from edge_lam.formats import ChatFormat


@takes(LoadOptions)
def load(options: LoadOptions) -> LAM:
    """Load a model. An option that is None has its default.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        InvalidModelFile: not a GGUF, truncated or contradicting itself.
        UnsupportedModel: a sound file that edge-lam can't run.
        InsufficientMemory: it would take more memory than it may; says what would fit.
        HubError: the hub can't be reached.
        BackendError: llama.cpp or the device failed.
        MissingPackage: `constraint` is "llguidance", which is not installed.
        InvalidRequest: a number or the device is out of range, or `prefix` does not fit; `param` names it.
    """
    if options.fd is None:
        options = replace(options, model=find_model(options.model))  # the same one after `trim`
        return LAM(_open(options), partial(_open, options))
    if options.model is not None:
        raise InvalidRequest("model and fd are two models", param="fd")
    opened = open_descriptor(options.fd)
    try:
        options = replace(options, model=opened.path, fd=None)
        lam = LAM(_open(options), partial(_open, options))
    except BaseException:
        opened.close()
        raise
    weakref.finalize(lam, opened.close)
    return lam


def _open(options: LoadOptions) -> Engine:
    """Load a model; raises as `load`."""
    telemetry = Telemetry() if options.otel else None
    path = find_model(options.model)
    start = perf_counter()
    # What can be refused is refused before the weights are read.
    baked = BakedFile(Path(options.prefix)) if options.prefix is not None else None
    file = ModelFile.read(path)
    device = choose_device(options.device)
    plan, is_short = admit(
        file,
        plan_of(file, options, device=device),
        device=device,
        budget=options.memory_budget,
        fit_context=options.fit_context,
    )
    chat_format = _detect(file, path, options)
    constraint = choose_engine(options.constraint)
    ahead = TokenizerAhead(file, chat_format.end_of_turn) if constraint == "llguidance" else None
    loaded: Model | None = None
    try:
        loaded = Model(file, device=options.device, repack=options.repack and not is_short)
        check_vocabulary(loaded, chat_format.end_of_turn)
        context = Context(
            loaded,
            n_ctx=plan.n_ctx,
            n_threads=options.n_threads,
            n_sequences=options.n_parallel,
            kv_type=options.kv_type,
            adapters=options.adapters,
        )
        store = _open_store(context, baked, options)
    except BaseException:
        if ahead:
            ahead.wait()
        if loaded:
            loaded.close()
        raise
    engine = Engine(
        context,
        chat_format,
        CallLog(options.log, log_prompts=options.log_prompts),
        store=store,
        queue_limit=options.queue_limit,
        load_seconds=perf_counter() - start,
        ahead=ahead,
        constraint=constraint,
    )
    engine.recorder.telemetry = telemetry
    return engine


def _detect(file: ModelFile, path: Path, options: LoadOptions) -> ChatFormat:
    return detect(
        file.header.metadata,
        path=path,
        name=options.format,
        template=None if options.template is None else read_template(options.template),
        verbatim=options.verbatim,
        nested_tools=options.nested_tools,
        mark_required=options.mark_required,
    )


def _open_store(context: Context, baked: BakedFile | None, options: LoadOptions) -> PrefixStore:
    """Open what is kept of prefixes, with the baked one in it: for the adapter it was made with, if it says one."""
    folder = prefix_folder(options.prefix_cache)
    store = PrefixStore(state_key(context), folder, conversations=options.save_conversations)
    if baked:
        keys = [state_key(context, name) for name in context.adapters]
        key = next(filter(baked.is_for, keys), keys[0])
        store.sibling(key).add(baked.prefix_for(key))
    return store
