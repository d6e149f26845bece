"""Builds the release twice, in two clones of this repository in other folders, compares every file, and keeps the first."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Compares two builds of the last commit, each from nothing. The first is in `release` even where the second fails."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".local") as folder:
        clones = [Path(folder) / name for name in ("first", "second-in-another-folder")]
        first = _built(clones[0])
        shutil.copytree(clones[0] / "release", ROOT / "release", dirs_exist_ok=True)
        digests = [first, _built(clones[1])]
    different = sorted(name for name in digests[0].keys() | digests[1].keys() if digests[0].get(name) != digests[1].get(name))
    if different:
        sys.exit(f"Two builds differ in {', '.join(different)}")
    for name, digest in sorted(digests[0].items()):
        print(f"{digest}  {name}")
    print(f"Two builds in two folders made the same {len(digests[0])} files.")


def _built(clone: Path) -> dict[str, str]:
    """Builds a clone of the last commit. Returns the SHA-256 of each file of its release."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    (clone / ".local").symlink_to(ROOT / ".local")
    # Not the repository's folder of compiled crates, so that each build compiles everything where it is.
    subprocess.run([sys.executable, "infra/release/build.py", "--target", "target/release-files", *sys.argv[1:]], cwd=clone, check=True)
    files = sorted(path for path in (clone / "release").rglob("*") if path.is_file())
    return {path.relative_to(clone / "release").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    main()
