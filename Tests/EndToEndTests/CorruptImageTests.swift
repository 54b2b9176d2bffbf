import Foundation
import Testing

@Suite("Corrupt images", .serialized)
struct CorruptImageTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    /// How a file may be spoilt.
    enum Damage: CaseIterable {
        case cutPNG, emptyFile, beginningOfAJPEG
    }

    /// Spoils a training image and returns its name.
    @discardableResult
    private func spoil(_ index: Int, _ damage: Damage = .cutPNG) throws -> String {
        let name = ImageFolder.trainingPath(index)
        let url = URL(fileURLWithPath: images).appendingPathComponent(name)
        let whole = try Data(contentsOf: url)
        let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 0x4A, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
        switch damage {
        case .cutPNG: try whole.prefix(whole.count / 2).write(to: url)
        case .emptyFile: try Data().write(to: url)
        case .beginningOfAJPEG: try Data(jpeg).write(to: url)
        }
        return name
    }

    private func lines(of ending: MurmurProcess.Ending, naming name: String) -> [Substring] {
        ending.error.split(separator: "\n").filter { $0.contains(name) }
    }

    @Test(arguments: Damage.allCases)
    func oneOfSixtyIsNamedOnceAndTheRunGoesOn(damage: Damage) throws {
        let name = try spoil(17, damage)
        // Ten epochs: the image is come by again and again.
        let ending = try scratch.train("run", data: images, steps: 10, extra: "loader: {max_bad_share: 0.05}")
        #expect(lines(of: ending, naming: name).count == 1, "\(ending)")
        #expect(try scratch.losses(of: "run").count == 10)
    }

    @Test(arguments: [1, 2])
    func neighboursAreNamedOnceEachWhicheverWorkersFindThem(seed: Int) throws {
        // Five in a row of one class: whoever draws one of them also finds those that would have stood in for it.
        let names = try [14, 17, 20, 23, 26].map { try spoil($0) }
        let ending = try scratch.train(
            "run", data: images, steps: 6, workers: 4, extra: "loader: {max_bad_share: 0.1}", ["seed=\(seed)"])
        for name in names { #expect(lines(of: ending, naming: name).count == 1, "\(name) in \(ending)") }
    }

    @Test(arguments: [1, 2])
    func moreThanAreToleratedEndTheRunWithTheirNumber(workers: Int) throws {
        for index in [3, 22, 41] { try spoil(index) }
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 50))
        let ending = try scratch.run(
            ["train", configuration, "--workers", "\(workers)", "--out", scratch.path("run")])
        #expect(ending.code == 3, "\(ending)")
        let lines = ending.error.split(separator: "\n").filter { $0.contains("of 60 images cannot be read") }
        #expect(lines.contains { $0.contains("loader.max_bad_share=0.01") }, "\(ending)")
        #expect(!ending.error.contains("Fatal error"), "\(ending)")
    }

    @Test func doNotMakeTheLossDependOnTheNumberOfWorkers() throws {
        for index in [17, 20] { try spoil(index) }
        let extra = "loader: {max_bad_share: 0.05}"
        try scratch.train("one", data: images, steps: 10, workers: 1, extra: extra)
        try scratch.train("three", data: images, steps: 10, workers: 3, extra: extra)
        #expect(try largestDifference(scratch.losses(of: "one"), scratch.losses(of: "three")) <= 1e-4)
    }
}
