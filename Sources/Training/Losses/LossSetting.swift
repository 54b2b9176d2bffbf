/// A number or a choice that a loss takes.
public struct LossSetting: Sendable {
    enum Kind: Sendable {
        case above0
        case atLeast0
        case wholeNumber(ClosedRange<Int>)
        /// The first is the default.
        case choice([String])
    }

    public let name: String
    let kind: Kind
    /// The default of a number.
    let fallback: Double

    /// A number above 0.
    public static func above0(_ name: String, _ fallback: Double) -> LossSetting {
        LossSetting(name: name, kind: .above0, fallback: fallback)
    }

    /// A number of at least 0.
    public static func atLeast0(_ name: String, _ fallback: Double) -> LossSetting {
        LossSetting(name: name, kind: .atLeast0, fallback: fallback)
    }

    public static func wholeNumber(_ name: String, in range: ClosedRange<Int>, _ fallback: Int) -> LossSetting {
        LossSetting(name: name, kind: .wholeNumber(range), fallback: Double(fallback))
    }

    /// One of an enumeration's raw values; the first is the default.
    public static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, of _: Choice.Type
    ) -> LossSetting {
        LossSetting(name: name, kind: .choice(Choice.allCases.map(\.rawValue)), fallback: 0)
    }

    /// `temperature=0.2`, `mining=all|hard|semihard`
    var text: String {
        switch kind {
        case .choice(let choices): "\(name)=\(choices.joined(separator: "|"))"
        case .wholeNumber: "\(name)=\(Int(fallback))"
        case .above0, .atLeast0: "\(name)=\(fallback == fallback.rounded() ? "\(Int(fallback))" : "\(fallback)")"
        }
    }

    /// What the setting takes, in words.
    private var range: String {
        switch kind {
        case .above0: "a number above 0"
        case .atLeast0: "a number of at least 0"
        case .wholeNumber(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        }
    }

    /// Puts the value that `text` names into `settings`; nil: the default.
    fileprivate func read(_ text: String?, into settings: inout LossSettings) throws {
        if case .choice(let choices) = kind {
            let choice = text ?? choices[0]
            guard choices.contains(choice) else { throw refusal(choice) }
            settings.choices[name] = choice
            return
        }
        guard let text else {
            settings.numbers[name] = fallback
            return
        }
        guard let value = Double(text), value.isFinite, accepts(value) else { throw refusal(text) }
        settings.numbers[name] = value
    }

    private func accepts(_ value: Double) -> Bool {
        switch kind {
        case .above0: value > 0
        case .atLeast0: value >= 0
        case .wholeNumber(let range): Int(exactly: value).map { range.contains($0) } ?? false
        case .choice: false
        }
    }

    private func refusal(_ text: String) -> TrainingError {
        .configuration("\(name) takes \(range), not '\(text)'")
    }
}

/// The values of all settings of a loss.
public struct LossSettings: Sendable, Codable {
    fileprivate(set) var numbers: [String: Double] = [:]
    fileprivate(set) var choices: [String: String] = [:]

    func number(_ name: String) -> Double {
        guard let number = numbers[name] else { preconditionFailure("the loss has no number '\(name)'") }
        return number
    }

    func choice(_ name: String) -> String {
        guard let choice = choices[name] else { preconditionFailure("the loss has no choice '\(name)'") }
        return choice
    }
}

extension LossMethod {
    /// The settings that words of the form `name=value` give, the others at their defaults.
    ///
    /// - Throws: `TrainingError` naming the word that does not fit and what would.
    public func settings(from words: [String] = []) throws -> LossSettings {
        var texts: [String: String] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard settings.contains(where: { $0.name == parts[0] }) else {
                let known = settings.isEmpty ? "none" : settings.map(\.name).joined(separator: ", ")
                throw TrainingError.configuration("loss \(name) has no setting '\(parts[0])': it takes \(known)")
            }
            guard parts.count == 2 else {
                throw TrainingError.configuration("'\(word)' is not of the form name=value")
            }
            texts[parts[0]] = parts[1]
        }
        var values = LossSettings()
        for setting in settings { try setting.read(texts[setting.name], into: &values) }
        return values
    }
}
