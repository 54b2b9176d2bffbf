"""Every method on the same images: each preset of examples/quick trains, then kNN classifies by its features.

Each method's figures are kept in a folder, so that a bench that was broken off goes on; a preset or a setting that has
changed since makes a method train again. The table has every preset with figures of the settings asked for; --write puts it
into docs/methods/README.md. Fails for methods that gain less than --least points over the untrained encoder, whose
features collapsed, or whose run failed.
"""

import argparse
import hashlib
import shlex
import sys
from pathlib import Path

from contenders import BenchError, end_on_signals, progress, table
from kept import Kept
from training import data_from_environment, knn, train

K = 200
PAGE = Path("docs/methods/README.md")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
COLLAPSE = ("deviation", "effective_rank", "alignment", "uniformity")
HEADER = ["method", "training, s", "images/s", f"kNN, k = {K}, %", "untrained, %", "gain", "deviation", "effective rank"]
HEADER += ["collapse"]


def measure(method, preset, options):
    """A method's figures: a training run and its evaluation."""
    folder = options.out / method
    settings = [f"data={options.data}", *options.settings]
    report, records, collapsed = train(preset, settings, options.workers, folder, options.limit)
    trained, untrained = knn(folder, options.data, options.test, K, options.limit)
    looks = [record for record in records if "effective_rank" in record]
    return {
        "seconds": report["seconds"],
        "steps": report["steps"],
        "images_per_second": report["images_per_second"],
        "knn": trained,
        "knn_untrained": untrained,
        "collapsed": collapsed,
        **{key: looks[-1][key] if looks else None for key in COLLAPSE},
    }


def settings_of(preset, options):
    """All that figures depend on."""
    return {
        "preset": hashlib.sha256(preset.read_bytes()).hexdigest(),
        "data": [Path(path).name for path in (options.data, options.test)],
        "workers": options.workers,
        "settings": options.settings,
    }


def row(method, figures):
    def number(key, digits):
        return f"{figures[key]:.{digits}f}" if figures[key] is not None else "–"

    return [
        f"`{method}`", number("seconds", 0), number("images_per_second", 0), number("knn", 2),
        number("knn_untrained", 2), f"{gain(figures):+.2f}", number("deviation", 2), number("effective_rank", 1),
        "warned" if figures["collapsed"] else "no",
    ]  # fmt: skip


def gain(figures):
    return figures["knn"] - figures["knn_untrained"]


def caption(results, options):
    """How to repeat the table, when and where it was measured."""
    words = ["scripts/bench", "methods"]
    words += ["--workers", str(options.workers)] if options.workers != 2 else []
    for option, path, standard in zip(("--data", "--test"), (options.data, options.test), data_from_environment()):
        words += [option, Path(path).name] if path != standard else []
    words += options.settings
    dates = sorted({result["date"] for result in results.values()})
    machines = sorted({result["machine"] for result in results.values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    workers = "1 worker" if options.workers == 1 else f"{options.workers} workers"
    return f"`{shlex.join(words)}`, {when}, {'; '.join(machines)}; {workers}."


def write(page, text):
    """Puts the text between the page's markers, which are added at its end if it has none."""
    old = page.read_text() if page.exists() else ""
    if BEGIN not in old and END not in old:
        old = (old.rstrip("\n") + "\n\n" if old else "") + f"{BEGIN}\n{END}\n"
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"{page} has one of '{BEGIN}' and '{END}' without the other, or in the wrong order")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench methods", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    train_data, test_data = data_from_environment()
    parser.add_argument("--methods", type=lambda text: text.split(","), help="with commas (default: every preset)")
    parser.add_argument("--workers", type=int, default=2, help="default 2")
    parser.add_argument("--data", default=train_data, help=f"training images, one folder a class (default {train_data})")
    parser.add_argument("--test", default=test_data, help=f"test images (default {test_data})")
    parser.add_argument("--presets", type=Path, default=Path("examples/quick"), help="folder of METHOD.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs/methods"), help="where runs and figures are kept")
    parser.add_argument("--fresh", action="store_true", help="measure again what has figures already")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    parser.add_argument("--least", type=float, default=5, help="points over the untrained encoder (default 5)")
    parser.add_argument("--limit", type=float, default=7200, help="seconds that a run or an evaluation may take")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of the configuration, for all methods")
    options = parser.parse_intermixed_args()
    if wrong := [word for word in options.settings if "=" not in word]:
        parser.error(f"settings are key=value, not '{wrong[0]}'")
    presets = {path.stem: path for path in sorted(options.presets.glob("*.yaml"))}
    if not presets:
        parser.error(f"{options.presets} has no presets")
    options.methods = options.methods or list(presets)
    if unknown := [method for method in options.methods if method not in presets]:
        parser.error(f"no preset for {', '.join(unknown)}; there are {', '.join(presets)}")
    for path in (options.data, options.test):
        if not Path(path).exists():
            parser.error(f"{path} is missing; name the images with --data and --test")
    return options, presets


def main():
    options, presets = parse()
    end_on_signals()
    kept, failures = Kept(options.out), {}
    for index, method in enumerate(options.methods):
        settings = settings_of(presets[method], options)
        place = f"{method}, {index + 1} of {len(options.methods)}"
        if not options.fresh and kept.find(method, settings):
            progress(f"{place}: measured before (--fresh measures again)")
            continue
        progress(f"{place}: trains")
        kept.forget(method)
        try:
            result = kept.keep(method, settings, measure(method, presets[method], options))
            progress(f"{place}: kNN {result['knn']:.2f} %, {gain(result):+.2f}, in {result['seconds']:.0f} s")
        except BenchError as error:
            failures[method] = str(error)
            progress(f"{place}: {error}")
    found = {method: kept.find(method, settings_of(preset, options)) for method, preset in presets.items()}
    results = {method: result for method, result in found.items() if result}
    if results:
        text = table(HEADER, [row(method, result) for method, result in results.items()])
        text += "\n\n" + caption(results, options)
        print(text, flush=True)
        if options.write:
            write(PAGE, text)
    for method, result in results.items():
        if result["collapsed"]:
            failures[method] = "features collapsed"
        elif gain(result) < options.least:
            failures[method] = f"gains {gain(result):+.2f} points, less than {options.least:g}"
    if failures:
        raise BenchError("; ".join(f"{method}: {reason}" for method, reason in failures.items()))


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"methods: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
