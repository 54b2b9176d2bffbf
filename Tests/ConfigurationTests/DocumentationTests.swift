import Configuration
import Foundation
import Testing

@Suite("What the documents say of the configuration")
struct DocumentationTests {
    /// The package's root, found from this file.
    private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func theTableIsTheSchema() throws {
        let text = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let table = ConfigurationSchema.markdownTable
        #expect(text.contains(table), "replace the table in docs/configuration.md by:\n\(table)")
    }

    @Test func helpNamesEveryKeyOnNarrowLines() {
        let help = ConfigurationSchema.helpText
        for key in ConfigurationSchema.keys { #expect(help.contains("\(key.name) (\(key.defaultText))\n")) }
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test func everyKeyIsExplained() {
        #expect(Set(ConfigurationSchema.keys.map(\.name)).count == ConfigurationSchema.keys.count)
        for key in ConfigurationSchema.keys {
            #expect(key.documentation.hasSuffix("."), "\(key.name)")
            #expect(!key.documentation.contains("|") && !key.allowed.contains("|"), "\(key.name)")
        }
        #expect(ConfigurationSchema.key(named: "data")?.defaultText == "required")
        #expect(ConfigurationSchema.key(named: "steps")?.defaultText == "unset")
        #expect(ConfigurationSchema.key(named: "augment.mean")?.defaultText == "[]")
    }
}
