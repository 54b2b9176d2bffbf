import Configuration
import Foundation
import Testing

@Suite("Reading a configuration")
struct ReadingTests {
    private func read(_ yaml: String, _ overrides: String...) throws -> RunConfiguration {
        try .read(yaml: yaml, name: "run.yaml", overrides: overrides)
    }

    @Test func takesNestedAndDottedKeysAlike() throws {
        let nested = try read(
            """
            method: simclr
            data: images
            epochs: 3
            encoder:
              name: resnet50
              width: 0.5
            optimizer: {name: sgd, lr: 3e-2}
            augment:
              mean: [0.1, 0.2, 0.3]
              std:
                - 0.4
                - 0.5
                - 0.6
            """)
        let dotted = try read(
            """
            data: "images"
            epochs: 3
            encoder.name: resnet50
            encoder: {width: .5}
            optimizer.name: 'sgd'
            optimizer.lr: 0.03
            augment.mean: [0.1, 0.2, 0.3]
            augment.std: 0.4, 0.5, 0.6
            """)
        #expect(nested == dotted)
        #expect(nested.encoder.name == .resnet50)
        #expect(nested.encoder.width == 0.5)
        #expect(nested.optimizer.name == .sgd)
        #expect(nested.optimizer.learningRate == 0.03)
        #expect(nested.augment.std == [0.4, 0.5, 0.6])
        #expect(nested.epochs == 3)
        #expect(nested.steps == nil)
    }

    @Test func letsTheCommandLineWin() throws {
        let configuration = try read(
            "data: a\nepochs: 3\nseed: 1\nschedule: {warmup_epochs: 1}", "data=b=c,d e", "seed=2",
            "seed=18446744073709551615",
            "steps=20", "schedule.warmup_steps=5", "augment.mean=[0.5, 1]", "augment.std=0.25,1", "encoder.form=cifar")
        #expect(configuration.data == "b=c,d e")
        #expect(configuration.seed == .max)
        #expect(configuration.steps == 20)
        #expect(configuration.epochs == nil)
        #expect(configuration.schedule.warmupSteps == 5)
        #expect(configuration.schedule.warmupEpochs == nil)
        #expect(configuration.augment.mean == [0.5, 1])
        #expect(configuration.augment.std == [0.25, 1])
        #expect(configuration.encoder.form == .cifar)
    }

    @Test func takesEverythingFromTheCommandLine() throws {
        #expect(try read("", "data=x", "steps=1").steps == 1)
        #expect(try read("# nothing but a comment\n", "data=x", "steps=1").data == "x")
        #expect(try read("data: x\nsteps: 5\nencoder:\nschedule:\n  warmup_steps: null\n").schedule.warmupSteps == nil)
        #expect(
            try read("data: x\nsteps: 5\nschedule.warmup_steps: 2", "schedule.warmup_steps=").schedule.warmupSteps
                == nil)
    }

    @Test func theSecondViewIsLikeTheFirstUnlessItSaysOtherwise() throws {
        let plain = try read("data: x\nsteps: 1\naugment:\n  blur: 1\n  second:\n")
        #expect(plain.augment.second == RunConfiguration().augment.second && plain.augment.blur == 1)
        let nested = try read("data: x\nsteps: 1\naugment: {blur: 1, second: {blur: 0.1, solarize: 0.2}}")
        let dotted = try read(
            "data: x\nsteps: 1\naugment.blur: 1", "augment.second.blur=.1", "augment.second.solarize=.2")
        #expect(nested == dotted && nested.augment.second.blur == 0.1 && nested.augment.second.solarize == 0.2)
        #expect(try read(nested.resolvedYAML) == nested)
        #expect(try read(nested.resolvedYAML, "augment.second.blur=").augment.second.blur == nil)
    }

    @Test(arguments: [(256, 32), (1000, 64), (511, 64), (504, 63), (2, 1), (9, 2), (8, 1), (7, 1)])
    func derivesTheSliceSizeFromTheBatchAlone(batch: Int, slice: Int) throws {
        #expect(try read("data: x\nsteps: 1\nglobal_batch: \(batch)").sliceSize == slice)
        #expect(try read("data: x\nsteps: 1\nglobal_batch: \(batch)\nslice_size: 2").sliceSize == 2)
    }

    @Test("Mistakes are named with place and cure", arguments: Mistake.all)
    func mistake(_ mistake: Mistake) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try RunConfiguration.read(yaml: mistake.yaml, name: "run.yaml", overrides: mistake.overrides)
        }
        #expect(error?.description == mistake.message)
    }

    @Test func readsAFileAndSaysWhyItCannot() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: ConfigurationError.self) { try RunConfiguration.read(file: path) }
        try Data("data: x\nsteps: 4\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try RunConfiguration.read(file: path, overrides: ["seed=3"]).seed == 3)
        try Data([0x64, 0xFF, 0xFE, 0x3A]).write(to: URL(fileURLWithPath: path))
        #expect(throws: ConfigurationError.self) { try RunConfiguration.read(file: path) }
        try Data(repeating: 0x23, count: RunConfiguration.maximumFileSize + 1).write(to: URL(fileURLWithPath: path))
        #expect(throws: ConfigurationError.self) { try RunConfiguration.read(file: path) }
        #expect(throws: ConfigurationError.self) {
            try RunConfiguration.read(file: FileManager.default.temporaryDirectory.path)
        }
    }
}
