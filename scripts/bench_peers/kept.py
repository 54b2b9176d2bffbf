"""Results that outlive a bench: a JSON file each, good while the settings are the same; and what machine this is."""

import json
import os
import platform
from datetime import date
from pathlib import Path


class Kept:
    """Results by name in a folder, so that a bench that was broken off goes on where it stopped."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name):
        return self.folder / f"{name}.json"

    def find(self, name, settings):
        """The result, or nothing if there is none or its settings were others."""
        try:
            result = json.loads(self.path(name).read_text())
        except (OSError, ValueError):
            return None
        return result if isinstance(result, dict) and result.get("settings") == settings else None

    def keep(self, name, settings, figures):
        """Writes a result whole or not at all, with today's date and the machine's words; returns it."""
        result = {"settings": settings, "date": date.today().isoformat(), "machine": machine(), **figures}
        partial = self.path(f"{name}.partial")
        partial.write_text(json.dumps(result, indent=2) + "\n")
        os.replace(partial, self.path(name))
        return result

    def forget(self, name):
        self.path(name).unlink(missing_ok=True)


def machine():
    """Cores and model of the processor: nothing that names the machine itself."""
    model = platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0))
    return f"{cores} {'core' if cores == 1 else 'cores'} of {model}"
