"""The pictures of `make pictures` beside those of the run before, in one page.

`keep` puts the pictures of another commit aside, and `compare` writes the page. Needs only Python's standard library.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AFTER = ROOT / ".local" / "pictures"
BEFORE = ROOT / ".local" / "pictures-before"
# The file in a folder of pictures with the commit that they show.
COMMIT = "commit"
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Pictures</title>
<style>
body {{ font: 14px system-ui; margin: 24px; }} figure {{ margin: 0; }} img {{ max-width: 100%; border: 1px solid #ccc; }}
section {{ display: grid; grid-template-columns: 1fr 1fr; gap: 16px; margin-block: 24px; align-items: start; }}
h2 {{ grid-column: 1 / -1; margin: 0; font-size: 16px; }}
</style>
<h1>{changed} of {all} pictures differ</h1>
<p>Left: {before}. Right: {after}.</p>
{sections}
"""


def keep(before: Path, after: Path, commit: str) -> None:
    """Puts the pictures of another commit aside. Those of the same commit are replaced."""
    if after.exists() and _commit(after) != commit:
        shutil.rmtree(before, ignore_errors=True)
        after.rename(before)
    after.mkdir(parents=True, exist_ok=True)
    (after / COMMIT).write_text(commit)


def compare(before: Path, after: Path) -> str:
    """The page with the pictures of both folders side by side: first those that differ."""
    names = sorted({file.name for folder in (before, after) if folder.exists() for file in folder.glob("*.png")})
    differing = [name for name in names if _bytes(before / name) != _bytes(after / name)]
    same = [name for name in names if name not in differing]
    sections = [_section(name, before, after) for name in differing]
    sections += [f"<h2>As before</h2><p>{html.escape(', '.join(same))}</p>"] if same else []
    return PAGE.format(changed=len(differing), all=len(names), before=_commit(before), after=_commit(after), sections="\n".join(sections))


def _section(name: str, before: Path, after: Path) -> str:
    shown = [
        f'<figure><img loading="lazy" src="{html.escape((folder / name).as_uri())}" alt=""></figure>' if (folder / name).exists() else "<p>none</p>"
        for folder in (before, after)
    ]
    return f"<section><h2>{html.escape(name)}</h2>{''.join(shown)}</section>"


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _commit(folder: Path) -> str:
    file = folder / COMMIT
    return file.read_text().strip() if file.exists() else "no pictures"


def main() -> None:
    """Does what the argument says."""
    if sys.argv[1:] == ["keep"]:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
        keep(BEFORE, AFTER, done.stdout.strip() or "unknown")
    elif sys.argv[1:] == ["compare"]:
        page = AFTER / "index.html"
        page.write_text(compare(BEFORE, AFTER), "utf-8")
        print(f"Before and after: {page.as_uri()}")
    else:
        sys.exit("usage: pictures.py keep | compare")


if __name__ == "__main__":
    main()
