"""`python -m bench`: measure everything, print the table, write build/bench.json."""

import asyncio
import tempfile
from pathlib import Path

from bench import burst, chain, engine, fan, report, rollback
from bench.api import Api
from bench.control_plane import ROOT, control_plane


async def main() -> None:
    """Measure, the engine first, as nothing else runs then."""
    print("planning and reconciling ...", flush=True)
    figures = engine.measure()
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane:
        async with Api.connect(plane.kubeconfig) as api:
            for part in (chain, rollback, burst, fan):
                print(f"{part.__doc__.split(':')[0].split('.')[0].lower()} ...", flush=True)
                figures += await part.measure(plane, api)
    report.show(figures)
    report.write(figures, ROOT / "build/bench.json")


asyncio.run(main())
