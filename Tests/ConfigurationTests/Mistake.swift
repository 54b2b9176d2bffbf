import Testing

/// A configuration that is refused, and the one line that says so.
struct Mistake: Sendable, CustomTestStringConvertible {
    let yaml: String
    let overrides: [String]
    let message: String

    var testDescription: String { message }

    /// `lines` come after a good beginning of two lines, so that their first is line 3.
    private init(_ lines: String, _ overrides: String..., message: String) {
        yaml = "data: x\nepochs: 2\n" + lines
        self.overrides = overrides
        self.message = message
    }

    private init(whole yaml: String, message: String) {
        self.yaml = yaml
        overrides = []
        self.message = message
    }

    static let all = yamlMistakes + keyMistakes + valueMistakes + crossMistakes

    private static let yamlMistakes = [
        Mistake("seed: 1\nseed: 2", message: "run.yaml:4: seed: given twice, first in line 3"),
        Mistake(
            "loss:\n  temperature: 1\nloss.temperature: 2",
            message: "run.yaml:5: loss.temperature: given twice, first at run.yaml:4"),
        Mistake("a: &b 1", message: "run.yaml:3: anchors (&name) are not supported; write the value out"),
        Mistake("a: *b", message: "run.yaml:3: aliases (*name) are not supported; write the value out"),
        Mistake("<<: {}", message: "run.yaml:3: merge keys (<<) are not supported; write the keys out"),
        Mistake("seed: !!int 3", message: "run.yaml:3: tags (!name) are not supported"),
        Mistake("---\nseed: 3", message: "run.yaml:3: a second document begins here; one is allowed"),
        Mistake("? [1]\n: 2", message: "run.yaml:3: a key must be a plain word, not a list or a mapping"),
        Mistake(
            "augment.mean: [[1]]", message: "run.yaml:3: augment.mean: a list may hold only plain values"),
        Mistake(
            whole: "[1, 2]", message: "run.yaml:1: the file must be a mapping of keys, such as `seed: 1`"),
        Mistake(
            whole: "just words", message: "run.yaml:1: the file must be a mapping of keys, such as `seed: 1`"),
        Mistake(
            whole: "a: \"unfinished\n",
            message: "run.yaml:3: not valid YAML: found unexpected end of stream (while scanning a quoted scalar)"),
        Mistake(
            whole: String(repeating: "{a: ", count: 40), message: "run.yaml:1: nested more than 16 levels deep"),
    ]

    private static let keyMistakes = [
        Mistake("encodr.name: x", message: "run.yaml:3: encodr.name: unknown key; did you mean encoder.name?"),
        Mistake(
            "encoder:\n  nam: x", message: "run.yaml:4: encoder.nam: unknown key; did you mean encoder.name?"),
        Mistake(
            "", "temperature=0.5", message: "command line: temperature: unknown key; did you mean loss.temperature?"),
        Mistake("", "temprature=0.5", message: "command line: temprature: unknown key; did you mean loss.temperature?"),
        Mistake("", "global-batch=5", message: "command line: global-batch: unknown key; did you mean global_batch?"),
        Mistake("", "lr=1", message: "command line: lr: unknown key; did you mean optimizer.lr?"),
        Mistake(
            "", "learning=1",
            message: "command line: learning: unknown key; `murmur config` lists all keys"),
        Mistake(
            "", "name=1",
            message: "command line: name: unknown key; did you mean encoder.name or optimizer.name or schedule.name?"),
        Mistake(
            "projector: 3",
            message: "run.yaml:3: projector: a group of keys, not a key; it has projector.layers, projector.hidden, "
                + "projector.out"),
        Mistake(
            "seed: {a: 1}",
            message: "run.yaml:3: seed: takes one value (an integer from 0 to 18446744073709551615), "
                + "not a mapping"),
        Mistake("", "seed", message: "command line: \"seed\" is not a setting; write key=value, such as seed=1"),
        Mistake("", "=1", message: "command line: \"=1\" is not a setting; write key=value, such as seed=1"),
    ]

    private static let valueMistakes = [
        Mistake(
            "encoder.name: vit",
            message: "run.yaml:3: encoder.name: vit is not allowed; allowed: resnet18, resnet34, "
                + "resnet50, resnet101"),
        Mistake(
            "global_batch: 1",
            message: "run.yaml:3: global_batch: 1 is not allowed; allowed: an integer from 2 to 16777216"),
        Mistake(
            "global_batch: 1e3",
            message: "run.yaml:3: global_batch: 1e3 is not allowed; allowed: an integer from 2 to 16777216"),
        Mistake(
            "seed: -1",
            message: "run.yaml:3: seed: -1 is not allowed; allowed: an integer from 0 to 18446744073709551615"),
        Mistake(
            "seed:",
            message: "run.yaml:3: seed: null is not allowed; allowed: an integer from 0 to "
                + "18446744073709551615"),
        Mistake(
            "", "loss.temperature=-1",
            message: "command line: loss.temperature: -1 is not allowed; allowed: a number, 0 or more"),
        Mistake(
            "method: byol\nbatch_norm: shuffle",
            message: "run.yaml:4: batch_norm: shuffle deals a key encoder's images anew, which only moco, mocov2 and "
                + "densecl have"),
        Mistake(
            "method: mocov2\nqueue.size: 0",
            message: "run.yaml:4: queue.size: mocov2 needs negatives; give at least 1"),
        Mistake(
            "method: swav\nqueue.negatives: bank",
            message: "run.yaml:4: queue.negatives: only moco and mocov2 can draw from a bank"),
        Mistake(
            "target.enabled: false",
            message: "run.yaml:3: target.enabled: only byol can do without its target, to see it collapse"),
        Mistake(
            "loss.temperature: nan",
            message: "run.yaml:3: loss.temperature: nan is not allowed; allowed: a number, 0 or more"),
        Mistake(
            "loss.temperature: 1e999",
            message: "run.yaml:3: loss.temperature: 1e999 is not allowed; allowed: a number, 0 or more"),
        Mistake(
            "optimizer.momentum: 1",
            message: "run.yaml:3: optimizer.momentum: 1 is not allowed; allowed: a number from 0, below 1"),
        Mistake(
            "augment.flip: [0.5]",
            message: "run.yaml:3: augment.flip: [0.5] is not allowed; allowed: a number from 0 to 1"),
        Mistake(
            "augment: {second: {solarize: 1.5}}",
            message: "run.yaml:3: augment.second.solarize: 1.5 is not allowed; allowed: a number from 0 to 1"),
        Mistake(
            "augment.local_views: 65",
            message: "run.yaml:3: augment.local_views: 65 is not allowed; allowed: an integer from 0 to 64"),
        Mistake(
            "augment.std: [0.5, 0]",
            message: "run.yaml:3: augment.std: [0.5, 0] is not allowed; allowed: a list, each a number above 0"),
        Mistake(
            "collectives.gradients: topk:0",
            message: "run.yaml:3: collectives.gradients: topk:0 is not allowed; allowed: float64, float32, float16, "
                + "bfloat16, int8, topk:F, powersgd:R (0 < F ≤ 1, R ≥ 1)"),
        Mistake(
            "reproducible: yes", message: "run.yaml:3: reproducible: yes is not allowed; allowed: true, false"),
    ]

    private static let crossMistakes = [
        Mistake(
            whole: "epochs: 1",
            message: "run.yaml: data: missing; give the dataset's path in the file or as "
                + "data=PATH on the command line"),
        Mistake(
            whole: "data: x", message: "run.yaml: epochs: missing; say how long to train by `epochs` or by `steps`"),
        Mistake("steps: 5", message: "run.yaml:3: steps: `epochs` is given too; give one of them"),
        Mistake("", "epochs=3", "steps=5", message: "command line: steps: `epochs` is given too; give one of them"),
        Mistake(
            "schedule: {warmup_epochs: 1, warmup_steps: 5}",
            message: "run.yaml:3: schedule.warmup_steps: `schedule.warmup_epochs` is given too; give one of them"),
        Mistake(
            "schedule: {warmup_epochs: 1, warmup_images: 5}",
            message: "run.yaml:3: schedule.warmup_images: `schedule.warmup_epochs` is given too; give one of them"),
        Mistake(
            "memory_budget: 2GiB",
            message:
                "run.yaml:3: memory_budget: batch_norm=sync runs a worker's slices as one batch, whose graph is kept "
                + "whole; take batch_norm=slice"),
        Mistake(
            "batch_norm: slice", "memory_budget=plenty",
            message: "command line: memory_budget: plenty is not allowed; allowed: a size such as 2GiB or 800MB"),
        Mistake(
            "reproducible: true", "collectives.gradients=int8",
            message: "command line: collectives.gradients: int8 depends on the number of workers; reproducible=true "
                + "allows float64 only"),
        Mistake(
            "slice_size: 300", message: "run.yaml:3: slice_size: 300 is more than global_batch, which is 256"),
        Mistake(
            "schedule.warmup_epochs: 2.5",
            message: "run.yaml:3: schedule.warmup_epochs: 2.5 is longer than the run of 2 epochs"),
        Mistake(
            "", "schedule.final_lr=2",
            message: "command line: schedule.final_lr: more than optimizer.lr, which the schedule falls from"),
        Mistake(
            "augment: {crop_min: 0.5, crop_max: 0.2}",
            message: "run.yaml:3: augment.crop_min: more than augment.crop_max"),
        Mistake(
            "augment.blur_sigma_min: 3",
            message: "run.yaml:3: augment.blur_sigma_min: more than augment.blur_sigma_max"),
        Mistake(
            "augment:\n  local_crop_min: 0.2",
            message: "run.yaml:4: augment.local_crop_min: more than augment.local_crop_max"),
        Mistake(
            "", "augment.local_views=6",
            message: "command line: augment.local_views: simclr has no use for local views; leave the key out"),
        Mistake(
            "augment.mean: [1]",
            message: "run.yaml: augment.std: has 0 numbers but augment.mean 1; give one per channel in each"),
        Mistake(
            "augment: {mean: [1], std: [1]}\nencoder.channels: 3",
            message: "run.yaml:3: augment.mean: has 1 numbers, but encoder.channels is 3"),
    ]
}
