import Configuration
import Foundation
import Randomness
import Testing

@Suite("A configuration as text")
struct TextTests {
    private func read(_ yaml: String, _ overrides: String...) throws -> RunConfiguration {
        try .read(yaml: yaml, overrides: overrides)
    }

    @Test func resolvedReadsBackToTheSame() throws {
        let plain = try read("data: x\nepochs: 1")
        #expect(try read(plain.resolvedYAML) == plain)
        let rich = try read(
            "steps: 7\nschedule.warmup_steps: 3", "data=/a b/\"c\": #é🐦\t\u{1}\\n", "optimizer.lr=0.1",
            "augment.mean=0.1,1", "augment.std=1e-7,123456789.25", "encoder.name=resnet101",
            "seed=18446744073709551615",
            "cluster.transport=ipc", "optimizer.clipped=true", "collectives.gradients=topk:0.0125")
        #expect(try read(rich.resolvedYAML) == rich)
        for data in [
            "null", "~", "-", "- a", "true", "1", " x ", "a: b", "'", "@", "%", "\u{85}\u{2028}", "?", "*a", "==",
        ] {
            let odd = try read("steps: 7", "data=./\(data)")
            #expect(try read(odd.resolvedYAML) == odd, "\(data)")
        }
    }

    @Test func resolvedNamesEveryKeyOnce() throws {
        let text = try read("data: x\nepochs: 1").resolvedYAML
        for key in ConfigurationSchema.keys {
            let last = key.name.split(separator: ".").last ?? ""
            #expect(text.contains("\(last): "), "\(key.name)")
        }
        #expect(text.hasPrefix("method: simclr\ndata: x\nepochs: 1\nsteps: null\nglobal_batch: 256\nslice_size: 32\n"))
        #expect(text.contains("\nencoder:\n  name: resnet18\n  form: auto\n"))
    }

    @Test func goesThroughCodable() throws {
        let configuration = try read("data: x\nsteps: 4\naugment: {mean: [0.1], std: [0.2]}", "encoder.width=0.25")
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
    }

    @Test func takesWhatItDoesNotSayFromTheData() throws {
        var small = try read("data: x\nsteps: 1")
        try small.resolve(data: DatasetTraits(uniformSize: 32, channels: 3, mean: [0.1, 0.2, 0.3], std: [1, 2, 3]))
        #expect(small.augment.size == 32)
        #expect(small.encoder.form == .cifar)
        #expect(small.encoder.channels == 3)
        #expect(small.augment.mean == [0.1, 0.2, 0.3])

        var photographs = try read("data: x\nsteps: 1")
        try photographs.resolve(
            data: DatasetTraits(uniformSize: nil, channels: 1, mean: [0.1, 0.2, 0.3], std: [1, 2, 3]))
        #expect(photographs.augment.size == 224)
        #expect(photographs.encoder.form == .imagenet)
        #expect(photographs.augment.mean == [0.5])
        #expect(photographs.augment.std == [0.5])

        var chosen = try read(
            "data: x\nsteps: 1\naugment: {size: 96, mean: [0.9], std: [0.8]}\nencoder: {form: cifar, channels: 1}")
        let before = chosen
        try chosen.resolve(data: DatasetTraits(uniformSize: 28, channels: 1, mean: [0.1], std: [0.1]))
        #expect(chosen == before)

        var wrong = try read("data: x\nsteps: 1\naugment: {mean: [0.9], std: [0.8]}")
        #expect(throws: ConfigurationError.self) {
            try wrong.resolve(data: DatasetTraits(uniformSize: 28, channels: 3))
        }
    }

    @Test(arguments: [(224, 96), (96, 41), (32, 14), (28, 12), (1, 1)])
    func localViewsAreThreeSeventhsOfTheGlobalOnes(size: Int, local: Int) throws {
        var configuration = try read("data: x\nsteps: 1\naugment.size: \(size)")
        configuration.augment.localViews = 6
        try configuration.resolve(data: DatasetTraits(uniformSize: nil, channels: 3))
        #expect(configuration.augment.localSize == local)
        configuration.augment.localSize = 5
        try configuration.resolve(data: DatasetTraits(uniformSize: nil, channels: 3))
        #expect(configuration.augment.localSize == 5)
    }

    @Test func withoutLocalViewsOlderRunsAreResumed() throws {
        var configuration = try read("data: x\nsteps: 5\naugment.size: 32\nencoder: {form: cifar, channels: 3}")
        configuration.augment.mean = [0.5, 0.5, 0.5]
        configuration.augment.std = configuration.augment.mean
        let added = ["solarize", "second.blur", "second.solarize", "local_"]
        let older = configuration.trajectoryText.split(separator: "\n")
            .filter { line in !added.contains { line.hasPrefix("augment.\($0)") } }.joined(separator: "\n")
        try configuration.resolve(data: DatasetTraits(uniformSize: 32, channels: 3))
        #expect(configuration.differences(fromTrajectory: older).isEmpty)
        configuration.augment.second.solarize = 0.2
        #expect(
            configuration.differences(fromTrajectory: older)
                == ["augment.second.solarize: unset in the checkpoint, 0.2 now"])
    }

    @Test func resumingNeedsTheSameTrajectoryAndNothingElse() throws {
        let saved = try read("data: x\nepochs: 9\nencoder.width: 0.5").trajectoryText
        let same = try read(
            "data: elsewhere\nepochs: 9\nencoder.width: 0.50\nthreads: 4\nloader: {threads: 3, prefetch: 9}\n"
                + "checkpoint: {every_steps: 5, keep: 1}\ncluster: {transport: ipc}\nprogress.every: 1")
        #expect(same.differences(fromTrajectory: saved).isEmpty)
        let other = try read("data: x\nsteps: 9\nencoder.width: 0.25\nseed: 4")
        #expect(
            other.differences(fromTrajectory: saved) == [
                "epochs: 9 in the checkpoint, unset now", "steps: unset in the checkpoint, 9 now",
                "seed: 0 in the checkpoint, 4 now", "encoder.width: 0.5 in the checkpoint, 0.25 now",
            ])
    }

    @Test(arguments: ["float64", "float32", "float16", "bfloat16", "int8", "topk:0.25", "powersgd:4"])
    func whatGradientsTravelAsIsOneText(format: String) throws {
        let exact = try read("data: x\nsteps: 1")
        let other = try read("data: x\nsteps: 1\ncollectives: {gradients: \(format)}")
        #expect(other.collectives.gradients.description == format)
        #expect(try read(other.resolvedYAML) == other)
        let differences = format == "float64" ? [] : ["collectives.gradients: float64 in the checkpoint, \(format) now"]
        #expect(other.differences(fromTrajectory: exact.trajectoryText) == differences)
    }

    @Test func reproducibleRunsHaveExactGradients() throws {
        #expect(try read("data: x\nsteps: 1\nreproducible: true").reproducible)
        for format in ["float32", "int8", "topk:0.5"] {
            #expect(throws: ConfigurationError.self) {
                try read("data: x\nsteps: 1\nreproducible: true", "collectives.gradients=\(format)")
            }
        }
    }

    @Test func aConstantScheduleMayBeProlonged() throws {
        let short = try read("data: x\nsteps: 5\nschedule.name: constant")
        let long = try read("data: x\nepochs: 7\nschedule.name: constant")
        #expect(long.differences(fromTrajectory: short.trajectoryText).isEmpty)
        let target = "data: x\nmethod: byol\nschedule.name: constant\n"
        let momentum = "target: {momentum: 0.9, final_momentum: 0.9}\n"
        #expect(
            try read(target + momentum + "steps: 7")
                .differences(fromTrajectory: read(target + momentum + "steps: 5").trajectoryText).isEmpty)
        #expect(
            try read(target + "steps: 7").differences(fromTrajectory: read(target + "steps: 5").trajectoryText)
                == ["steps: 5 in the checkpoint, 7 now"], "the target's momentum rises with the run's length")
        let cosine = try read("data: x\nsteps: 5")
        #expect(
            cosine.differences(fromTrajectory: short.trajectoryText)
                == ["schedule.name: constant in the checkpoint, cosine now"])
    }

    @Test func trajectoriesOfOtherVersionsAndDamagedOnesAreExplained() throws {
        let configuration = try read("data: x\nsteps: 5")
        #expect(configuration.differences(fromTrajectory: "steps: 5\nslice_size: 32\n").isEmpty)
        #expect(
            configuration.differences(fromTrajectory: "steps: 5\nslice_size: 32\nencoder.gizmo: 3\n")
                == ["encoder.gizmo: 3 in the checkpoint, not a key of this version"])
        #expect(configuration.differences(fromTrajectory: "steps: [").count == 1)
        #expect(configuration.differences(fromTrajectory: "steps: x").count == 1)
    }

    @Test("Damaged text throws or is read, and never traps", arguments: 0..<4 as Range<UInt64>)
    func fuzz(seed: UInt64) throws {
        let good = Array(
            try read("steps: 7", "data=\"a b\"", "augment.mean=0.1,1", "augment.std=1,2").resolvedYAML.utf8)
        let alphabet = Array("{}[]:,&*!|>'\"%@`#-?~ \n\t0eE.+\\".utf8) + [0, 0xFF, 0xC3, 0xEF]
        var random = Philox(key: seed)
        for _ in 0..<2500 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
                case 2: bytes.remove(at: place)
                default: bytes.removeSubrange(place...)
                }
            }
            do {
                let configuration = try read(String(decoding: bytes, as: UTF8.self))
                #expect(try read(configuration.resolvedYAML) == configuration, "seed \(seed)")
            } catch is ConfigurationError {
                continue
            }
        }
    }
}
