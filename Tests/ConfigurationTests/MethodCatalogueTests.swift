import Configuration
import Foundation
import Testing

@Suite("Methods and their presets")
struct MethodCatalogueTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func path(_ name: String) -> String { root.appendingPathComponent(name).path }

    /// All files under `examples/`, from the repository's root.
    private static var examples: [String] {
        (FileManager.default.enumerator(atPath: path("examples"))?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { "examples/\($0)" }.sorted()
    }

    /// As a user calls it, with a path of the data of their own.
    private func read(_ file: String) throws -> RunConfiguration {
        try RunConfiguration.read(file: Self.path(file), overrides: ["data=images"])
    }

    @Test func everyExampleReads() throws {
        #expect(Self.examples.count > 20)
        for file in Self.examples { #expect(throws: Never.self, "\(file)") { try read(file) } }
    }

    /// A file's first lines say how to call it; the path there is its own.
    @Test func everyExampleNamesItself() throws {
        for file in Self.examples {
            let text = try String(contentsOfFile: Self.path(file), encoding: .utf8)
            #expect(text.contains("#   murmur train \(file)"), "\(file)")
        }
    }

    @Test(arguments: RunConfiguration.Method.allCases)
    func everyMethodHasItsPresetsAndItsPage(method: RunConfiguration.Method) throws {
        let entry = MethodCatalogue.entry(method)
        #expect(entry.presets.count == 3)
        for preset in entry.presets {
            let configuration = try read(preset)
            #expect(configuration.method == method, "\(preset)")
            #expect(configuration.globalBatch % configuration.sliceSize == 0, "\(preset)")
        }
        for word in ["cifar10": "resnet18", "imagenet": "resnet50"] {
            let preset = try #require(entry.presets.first { $0.contains("/\(word.key)/") })
            #expect(try read(preset).encoder.name.rawValue == word.value, "\(preset)")
        }
        #expect(FileManager.default.fileExists(atPath: Self.path(entry.page)), "\(entry.page)")
        let index = try String(contentsOfFile: Self.path("docs/methods/README.md"), encoding: .utf8)
        #expect(index.contains("(\(method.rawValue).md)"))
    }

    @Test func theCatalogueHasEveryMethodOnce() {
        #expect(MethodCatalogue.all.map(\.method) == RunConfiguration.Method.allCases)
        #expect(Set(MethodCatalogue.all.map(\.title)).count == MethodCatalogue.all.count)
        #expect(Set(MethodCatalogue.all.map(\.summary)).count == MethodCatalogue.all.count)
    }

    /// The values shown are those a run has: to give them is to say nothing new.
    @Test(arguments: RunConfiguration.Method.allCases)
    func theSettingsAreThoseOfARun(method: RunConfiguration.Method) throws {
        let yaml = "method: \(method.rawValue)\ndata: images\nepochs: 1\n"
        let run = try RunConfiguration.read(yaml: yaml)
        let settings = MethodCatalogue.entry(method).settings
        #expect(settings.count >= 4)
        let words = settings.map { "\($0.key)=\($0.value)" }
        #expect(try RunConfiguration.read(yaml: yaml, overrides: words) == run, "\(words)")
    }

    @Test func theMethodsOwnValuesDiffer() throws {
        func value(_ key: String, of method: RunConfiguration.Method) -> String? {
            MethodCatalogue.entry(method).settings.first { $0.key == key }?.value
        }
        #expect(value("loss.temperature", of: .moco) == "0.07")
        #expect(value("loss.temperature", of: .mocov2) == "0.2")
        #expect(value("projector.layers", of: .moco) == "1")
        #expect(value("queue.size", of: .densecl) == "65536")
        #expect(value("target.final_momentum", of: .byol) == "1")
        #expect(value("predictor.hidden", of: .simsiam) == "512")
        #expect(value("loss.temperature", of: .byol) == nil)
    }

    @Test func aWrongNameIsRefusedWithASuggestion() {
        let error = #expect(throws: ConfigurationError.self) { try MethodCatalogue.entry(named: "simcrl") }
        #expect(error?.message.contains("did you mean 'simclr'?") == true, "\(String(describing: error))")
        #expect(throws: ConfigurationError.self) { try MethodCatalogue.entry(named: "") }
    }
}
