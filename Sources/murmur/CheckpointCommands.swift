import Runtime

enum EmbedCommand: Command {
    static let syntax = CommandSyntax(
        "embed", "Write the frozen encoder's features of a dataset.",
        options: [
            OptionSyntax("--checkpoint", "C", "a checkpoint, or a run's directory (its newest good checkpoint)"),
            OptionSyntax("--data", "D", "a folder, tar, IDX or CIFAR directory of images"),
            OptionSyntax("--split", "S", "train, test or all, where the data has splits (default all)"),
            OptionSyntax(
                "--out", "FILE", "safetensors: features [n, d] float32, labels [n] int64, paths in the metadata"),
            OptionSyntax("--threads", "T", "threads (default: the machine's cores)"),
        ])

    static func run(_ arguments: Arguments) throws -> Int32 {
        let count = try FeatureExport.embed(
            checkpoint: arguments.required("--checkpoint"), data: arguments.required("--data"),
            split: arguments.text("--split") ?? "all", output: arguments.required("--out"),
            threads: arguments.threads())
        print("\(count) images embedded")
        return 0
    }
}

enum ExportCommand: Command {
    static let syntax = CommandSyntax(
        "export", "Write the backbone alone, under torchvision's names.",
        options: [
            OptionSyntax("--checkpoint", "C", "a checkpoint, or a run's directory (its newest good checkpoint)"),
            OptionSyntax("--out", "FILE", "safetensors that torchvision's ResNet of that shape loads with strict=True"),
        ])

    static func run(_ arguments: Arguments) throws -> Int32 {
        try BackboneExport.run(checkpoint: arguments.required("--checkpoint"), output: arguments.required("--out"))
        return 0
    }
}

enum HashCommand: Command {
    static let syntax = CommandSyntax(
        "hash", "A digest over names, shapes and bytes of all parameters of a checkpoint.",
        positionals: ["CHECKPOINT"])

    static func run(_ arguments: Arguments) throws -> Int32 {
        print(try CheckpointDigest.run(checkpoint: arguments.positionals[0]))
        return 0
    }
}
