import Foundation
import Testing

@Suite("Bad input", .serialized)
struct BadInputTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// The one line that is expected: not a dump, and with each of the words in it.
    private func expect(_ ending: MurmurProcess.Ending, code: Int32, saying words: [String]) {
        #expect(ending.code == code, "\(ending)")
        let lines = ending.error.split(separator: "\n")
        #expect(lines.contains { line in words.allSatisfy { line.contains($0) } }, "\(words) in \(ending)")
        #expect(!ending.error.contains("Fatal error"), "\(ending)")
    }

    private func train(_ yaml: String, _ more: [String] = []) throws -> MurmurProcess.Ending {
        let configuration = try scratch.file("run.yaml", yaml)
        return try scratch.run(["train", configuration, "--out", scratch.path("run-\(UUID().uuidString)")] + more)
    }

    @Test func anUnknownKeySuggestsTheRightOne() throws {
        expect(try train("data: x\nsteps: 1\nglobal_bacth: 8\n"), code: 2, saying: ["global_bacth", "global_batch"])
        expect(try train("data: x\nsteps: 1\n", ["temperature=0.1"]), code: 2, saying: ["loss.temperature"])
    }

    @Test func aWrongOptionSuggestsTheRightOne() throws {
        expect(try scratch.run(["train", "x.yaml", "--worker", "2"]), code: 2, saying: ["--worker", "--workers"])
        expect(try scratch.run(["trian"]), code: 2, saying: ["trian", "train"])
    }

    @Test func compressionOfReproducibleRunsIsRefusedInOneLine() throws {
        expect(
            try train("data: x\nsteps: 1\nreproducible: true\n", ["collectives.gradients=int8"]), code: 2,
            saying: ["collectives.gradients", "reproducible"])
    }

    @Test func aMissingOrEmptyDatasetIsNamed() throws {
        expect(
            try train("data: \(scratch.path("nowhere"))\nsteps: 1\n"), code: 3, saying: [scratch.path("nowhere")])
        let empty = scratch.path("empty")
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        expect(try train("data: \(empty)\nsteps: 1\n"), code: 3, saying: [empty])
    }

    @Test(.enabled(if: FashionMNIST.isInstalled, "Fashion-MNIST is not installed"))
    func aBatchLargerThanTheDatasetIsRefused() throws {
        let ending = try train(smallConfiguration(), ["global_batch=70000"])
        expect(ending, code: 3, saying: ["70000", "60000"])
    }

    @Test(.enabled(if: FashionMNIST.isInstalled, "Fashion-MNIST is not installed"))
    func aRunIsNotOverwrittenAndAnotherConfigurationIsNotResumed() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(steps: 5))
        let arguments = ["train", configuration, "--out", scratch.path("run")]
        let first = try scratch.run(arguments)
        try #require(first.code == 0, "\(first)")
        let before = try scratch.run(["hash", scratch.path("run")]).output
        expect(try scratch.run(arguments), code: 2, saying: ["--resume"])
        expect(
            try scratch.run(arguments + ["--resume", "encoder.width=0.25"]), code: 4, saying: ["encoder.width", "0.25"])
        #expect(try scratch.run(["hash", scratch.path("run")]).output == before)
    }

    @Test(.enabled(if: FashionMNIST.isInstalled, "Fashion-MNIST is not installed"))
    func aPortInUseIsNamedWithItsHolder() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(steps: 5))
        let holder = try scratch.start(["coordinator", configuration, "--out", scratch.path("holder")])
        try holder.waitUntil("the address") { holder.output.contains("listening on") || !holder.isRunning }
        let endpoint = try #require(holder.output.firstMatch(of: #/listening on (\S+);/#)).1
        let ending = try scratch.run(
            ["coordinator", configuration, "--out", scratch.path("second"), "--listen", String(endpoint)])
        expect(ending, code: 5, saying: [String(endpoint.dropFirst("tcp://".count)), "\(holder.pid)"])
    }

    @Test func aDamagedTicketIsRefused() throws {
        expect(try scratch.run(["worker", "--join", "murmur1:AAAA"]), code: 5, saying: ["ticket"])
        expect(
            try scratch.run(["worker", "--join", "murmur1:AAAA", "--io-threads", "0"]), code: 2,
            saying: ["--io-threads", "1 to 64"])
    }

    @Test func aMissingCheckpointIsNamed() throws {
        expect(
            try scratch.run(["hash", scratch.path("nothing")]), code: 4, saying: [scratch.path("nothing")])
    }
}
