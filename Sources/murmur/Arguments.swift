import Configuration
import Runtime

/// The words of a command line, sorted by a command's syntax.
struct Arguments {
    let positionals: [String]
    /// The `key=value` words, in order.
    let settings: [String]
    private let values: [String: String]

    /// - Throws: `Failure` with `usage` naming the word that does not fit, and the option that may have been meant.
    init(_ words: [String], for syntax: CommandSyntax) throws {
        var positionals: [String] = []
        var settings: [String] = []
        var values: [String: String] = [:]
        var rest = words[...]
        var onlyPositionals = false
        while let word = rest.popFirst() {
            if word == "--", !onlyPositionals {
                onlyPositionals = true
            } else if word.hasPrefix("--"), !onlyPositionals {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                guard let option = syntax.options.first(where: { $0.name == parts[0] }) else {
                    throw Self.unknown(parts[0], syntax)
                }
                values[option.name] = try Self.value(of: option, attached: parts.dropFirst().first, rest: &rest, syntax)
            } else if syntax.settings != nil, word.contains("="), !onlyPositionals {
                settings.append(word)
            } else {
                positionals.append(word)
            }
        }
        guard (syntax.positionals.count...syntax.mostPositionals).contains(positionals.count) else {
            throw Self.wrongCount(positionals, syntax)
        }
        self.positionals = positionals
        self.settings = settings
        self.values = values
    }

    /// Whether a flag was given.
    func flag(_ name: String) -> Bool { values[name] != nil }

    /// An option's text, if it was given.
    func text(_ name: String) -> String? { values[name] }

    /// - Throws: `Failure` with `usage` where the option is missing.
    func required(_ name: String) throws -> String {
        guard let text = values[name] else { throw Failure(.usage, "\(name) is missing") }
        return text
    }

    /// A whole number within `range`, or `fallback` where the option was not given.
    func number(_ name: String, in range: ClosedRange<Int>, default fallback: Int) throws -> Int {
        guard let text = values[name] else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw Failure(
                .usage, "\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
        }
        return number
    }

    /// A time in seconds within `range`, such as `0.5`, or `fallback` where the option was not given.
    func seconds(_ name: String, in range: ClosedRange<Double>, default fallback: Double) throws -> Double {
        guard let text = values[name] else { return fallback }
        guard let number = Double(text), range.contains(number) else {
            throw Failure(
                .usage,
                "\(name) takes a time in seconds from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
        }
        return number
    }

    /// One of an option's words, or `fallback` where the option was not given.
    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Value
    ) throws -> Value where Value.RawValue == String {
        guard let text = values[name] else { return fallback }
        guard let value = Value(rawValue: text) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "\(name) takes one of \(known), not '\(text)'")
        }
        return value
    }

    private static func value(
        of option: OptionSyntax, attached: String?, rest: inout ArraySlice<String>, _ syntax: CommandSyntax
    ) throws -> String {
        guard let name = option.value else {
            guard attached == nil else { throw Failure(.usage, "\(option.name) takes no value") }
            return ""
        }
        guard let value = attached ?? rest.popFirst() else {
            throw Failure(.usage, "\(option.name) needs a value: \(option.name) \(name)")
        }
        return value
    }

    private static func unknown(_ word: String, _ syntax: CommandSyntax) -> Failure {
        let near = Suggestions.nearest(to: word, in: syntax.options.map(\.name)).first
        let hint = near.map { "; did you mean \($0)?" } ?? ""
        return Failure(.usage, "murmur \(syntax.name) has no option \(word)\(hint) (see murmur \(syntax.name) --help)")
    }

    private static func wrongCount(_ given: [String], _ syntax: CommandSyntax) -> Failure {
        if given.count < syntax.positionals.count {
            return Failure(.usage, "\(syntax.positionals[given.count]) is missing; usage: \(syntax.usage)")
        }
        return Failure(
            .usage, "'\(given[syntax.mostPositionals])' is one argument too many; usage: \(syntax.usage)")
    }
}
