"""What one execution is made of, and how its paths are called where it runs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grader.model import Isolation, Json, Limits, Mode
from grader.sandbox.gpu import Gpu

INSIDE = Path(__file__).resolve().parent.parent / "inside"
STANDINS = "standins"
RUNNER = "runner.py"
# The argument that makes the runner wait for jobs and fork for each, and the file a folder has that knows how.
WARM, WARM_FILE = "warm", "zygote.py"

# Called as a run goes on with the number of the cell that is running, from 1, and how many there are.
Watch = Callable[[int, int], None]
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What the tier `container` needs: an image, the engine (empty: the first that answers), GPUs ("all" or "0,1"; empty: none)."""

    image: str
    engine: str = ""
    gpus: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook to run.

    `notebook` is nbformat 4 JSON text; `probe` is the assignment's file that records; `files` (beside the notebook) and `data`
    (the folder that holds `cifar-100-python/` and its archive) are shown to the run read-only; `seed` is 0..2^31-1; `aliases` are
    other names for what the probe looks for; `inside` is the folder with the program that runs there; `container` is for the tier
    of that name only; `gpu` is the device that the tiers `full` and `none` show, None for the CPU. In the mode `load` nothing is
    trained, and the weights are those of the file `weights` in `files`, if any. `watch` is told which cell is running.
    """

    notebook: str
    probe: Path
    files: Path | None
    data: Path | None
    limits: Limits
    seed: int
    isolation: Isolation
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inside: Path = INSIDE
    container: Container | None = None
    mode: Mode = Mode.RETRAIN
    weights: str = ""
    gpu: Gpu | None = None
    watch: Watch | None = None

    @property
    def device(self) -> str:
        """Where tensors may live, in words: cpu, or cuda and which one."""
        if self.gpu is not None:
            return f"cuda:{self.gpu.number}"
        return "cuda" if self.container and self.container.gpus else "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the parts of a job stand for the process that runs it; empty text for what the job does not have.

    `read_only` and `writable` are the folders that the process leaves itself when it gives up the rest; of those `listed` it may
    read the names only.
    """

    work: str
    data: str
    files: str
    probe: str
    standins: str
    read_only: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


def opening(job: Job, place: Place) -> Mapping[str, Json]:
    """Return the header of the first frame that goes in; its payload is the notebook."""
    limits = job.limits
    return {
        "type": "job",
        "seed": job.seed,
        "cell_cpu_s": limits.cell_cpu_s,
        "cell_wall_s": min(limits.wall_s, max(1, limits.cell_cpu_s * limits.wall_s // max(1, limits.cpu_s))),
        "limits": asdict(limits),
        "isolation": str(job.isolation),
        "work": place.work,
        "data": place.data,
        "files": place.files,
        "probe": place.probe,
        "aliases": {name: list(others) for name, others in job.aliases.items()},
        "standins": place.standins,
        "mode": str(job.mode),
        "weights": job.weights,
        "gpu_share": job.gpu.share if job.gpu else None,
        "harden": job.isolation is not Isolation.NONE,
        "unbounded": list(_kept_by_others(job)),
        "landlock_ro": list(place.read_only),
        "landlock_rw": list(place.writable),
        "landlock_list": list(place.listed),
    }


def _kept_by_others(job: Job) -> tuple[str, ...]:
    """Name the resource limits that the runner leaves alone: processes are counted for a whole uid, and CUDA maps more than there is."""
    address_space = ("RLIMIT_AS",) if job.device != "cpu" else ()
    return address_space if job.isolation is Isolation.FULL else ("RLIMIT_NPROC", *address_space)


def variables(*, home: str, caches: str) -> dict[str, str]:
    """Return the environment every run gets, whatever keeps it: one thread, no GPU, the same hashes, caches under `caches`."""
    return {
        "HOME": home,
        "TMPDIR": caches,
        "LANG": "C.UTF-8",
        **dict.fromkeys(_ONE_THREAD, "1"),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{caches}/matplotlib",
        "IPYTHONDIR": f"{caches}/ipython",
        "XDG_CACHE_HOME": f"{caches}/cache",
        "TORCH_HOME": f"{caches}/torch",
        "TORCHINDUCTOR_CACHE_DIR": f"{caches}/inductor",
        "TRITON_CACHE_DIR": f"{caches}/triton",
    }


def interpreter(runner: str, python: str) -> list[str]:
    """Return the command of the child.

    `-P -s` keep the working folder and the user's packages off its path as `-I` would, but let it read PYTHONHASHSEED, without
    which sets of strings come in another order every time. No other PYTHON variable is in an environment that is made here.
    """
    return [python, "-P", "-s", runner]
