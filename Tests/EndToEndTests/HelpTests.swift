import Configuration
import Foundation
import Testing

@Suite("Help", .serialized)
struct HelpTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func lines(_ arguments: [String]) throws -> [String] {
        let ending = try scratch.run(arguments)
        #expect(ending.code == 0, "\(ending)")
        #expect(ending.error.isEmpty, "\(ending)")
        return ending.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func expectNarrow(_ lines: [String]) {
        for line in lines { #expect(line.count <= 120, "\(line.count) columns: \(line)") }
    }

    /// The commands that the overview lists, with what it says about each.
    private func commands() throws -> [(name: String, summary: String)] {
        try lines(["--help"]).compactMap { line in
            line.wholeMatch(of: #/ {2}([a-z]+(?: [a-z]+)?) {2,}(\S.*)/#).map { (String($0.1), String($0.2)) }
        }
    }

    @Test func theOverviewListsEveryCommand() throws {
        let names = try commands().map(\.name)
        let expected = [
            "train", "coordinator", "worker", "eval knn", "embed", "export", "methods", "loss", "bench allreduce",
            "hash", "config", "keygen",
        ]
        #expect(Set(names).isSuperset(of: expected), "\(names)")
        try expectNarrow(lines(["--help"]))
        #expect(try lines(["-h"]) == lines(["--help"]))
    }

    @Test func everyCommandExplainsItselfAndItsOptions() throws {
        for command in try commands() {
            let text = try lines(command.name.split(separator: " ").map(String.init) + ["--help"])
            expectNarrow(text)
            #expect(text.first == command.summary)
            let start = try #require(text.firstIndex { $0.hasPrefix("usage: murmur \(command.name)") })
            // The usage may go on over indented lines.
            let usage = text[start...].prefix { !$0.isEmpty }.joined(separator: " ")
            for match in usage.matches(of: #/\[(--[a-z-]+)/#) {
                let explained = text.compactMap { $0.firstMatch(of: #/^ {2}(--[a-z-]+)(?: [A-Z]+)? {2,}\S/#)?.1 }
                #expect(explained.contains(match.1), "\(match.1) of \(command.name): \(text)")
            }
        }
    }

    @Test func theOptionsThatTheDocumentationPromisesAreThere() throws {
        let promised = [
            "train": ["--workers", "--out", "--resume", "--trace"],
            "coordinator": ["--workers", "--out", "--listen", "--allow", "--resume", "--trace"],
            "worker": ["--join", "--bind", "--key", "--io-threads"],
            "eval knn": ["--checkpoint", "--data", "--train", "--test", "--k", "--neighbours", "--threads", "--json"],
            "embed": ["--checkpoint", "--data", "--split", "--out", "--threads"],
            "export": ["--checkpoint", "--out"],
            "loss": ["--in", "--workers", "--out"],
            "bench allreduce": ["--workers", "--bytes", "--repetitions", "--transport", "--json"],
            "keygen": ["--out"],
        ]
        for (command, options) in promised {
            let text = try lines(command.split(separator: " ").map(String.init) + ["--help"])
            for option in options { #expect(text.contains { $0.hasPrefix("  \(option) ") }, "\(command) \(option)") }
        }
    }

    @Test func anUnknownCommandIsRefusedWithASuggestion() throws {
        for (wrong, right) in [("trian", "train"), ("coordinate", "coordinator"), ("eval", "eval knn")] {
            let ending = try scratch.run([wrong])
            #expect(ending.code == 2, "\(ending)")
            #expect(ending.output.isEmpty && ending.error.contains("murmur \(right)"), "\(ending)")
            #expect(ending.error.split(separator: "\n").count == 1, "\(ending)")
        }
        #expect(try scratch.run([]).code == 2)
    }

    @Test func theVersionIsPrinted() throws {
        #expect(try lines(["--version"])[0].wholeMatch(of: #/murmur \d+\.\d+\.\d+/#) != nil)
    }

    @Test func everyMethodIsListedAndTellsWhatItTakes() throws {
        let overview = try lines(["methods"])
        expectNarrow(overview)
        for method in RunConfiguration.Method.allCases {
            let entry = MethodCatalogue.entry(method)
            let start = try #require(overview.firstIndex { $0.hasPrefix("\(method.rawValue) ") }, "\(method)")
            let own = overview[start...].prefix { !$0.isEmpty }.joined(separator: " ")
            for preset in entry.presets { #expect(own.contains(preset), "\(own)") }

            let text = try lines(["methods", method.rawValue])
            expectNarrow(text)
            for (key, value) in entry.settings {
                #expect(
                    text.contains { $0.split(separator: " ").map(String.init) == [key, value] }, "\(method) \(key)")
            }
        }
        #expect(try lines(["methods", "moco"]).contains { $0.hasPrefix("  queue  [K, D]") })
    }

    @Test func anUnknownMethodIsRefusedWithASuggestion() throws {
        let wrong = try scratch.run(["methods", "mocov4"])
        #expect(wrong.code == 2 && wrong.error.contains("mocov"), "\(wrong)")
        #expect(try scratch.run(["methods", "moco", "byol"]).code == 2)
    }

    @Test func everyConfigurationKeyIsListed() throws {
        let text = try lines(["config"])
        expectNarrow(text)
        #expect(ConfigurationSchema.keys.count > 40)
        for key in ConfigurationSchema.keys {
            #expect(text.contains { $0.hasPrefix("\(key.name) (") }, "\(key.name)")
        }
    }
}
