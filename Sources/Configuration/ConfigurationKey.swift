/// One row of the schema: a key's name, type, default, allowed values and explanation.
public struct ConfigurationKey: Sendable {
    /// The dotted name, such as `optimizer.lr`.
    public let name: String
    /// `integer`, `number`, `true or false`, `text`, `list of numbers` or `choice`.
    public let type: String
    /// The allowed values in words, such as `1 or more` or `cosine, constant`.
    public let allowed: String
    /// The default in words: a value, `required`, or `unset`.
    public let defaultText: String
    /// One line of explanation.
    public let documentation: String
    /// Whether two runs that differ in this key take different steps, so that neither can resume the other.
    public let definesTrajectory: Bool

    /// The value as YAML text; nil: unset.
    let read: @Sendable (RunConfiguration) -> String?
    /// Stores a value; the error's text completes "key: …".
    let write: @Sendable (inout RunConfiguration, RawValue) throws -> Void

    /// A value as it was written, before it has a type.
    enum RawValue: Sendable, Equatable {
        case scalar(String)
        case list([String])
        case null

        var shown: String {
            switch self {
            case .scalar(let text): text
            case .list(let items): "[\(items.joined(separator: ", "))]"
            case .null: "null"
            }
        }
    }

    /// A value that does not fit the key.
    struct Misfit: Error {
        let message: String
    }

    /// Completes the row with how values look and what fits; `decode` returns nil for what does not fit.
    private init<Value>(
        _ name: String, type: String, allowed: String, trajectory: Bool, documentation: String, required: Bool = false,
        unset: @escaping @Sendable (RunConfiguration) -> Bool = { _ in false },
        clear: (@Sendable (inout RunConfiguration) -> Void)? = nil,
        path: WritableKeyPath<RunConfiguration, Value> & Sendable,
        encode: @escaping @Sendable (Value) -> String,
        decode: @escaping @Sendable (RawValue) -> Value?
    ) {
        self.name = name
        self.type = type
        self.allowed = allowed
        self.documentation = documentation
        definesTrajectory = trajectory
        read = { unset($0) ? nil : encode($0[keyPath: path]) }
        write = { configuration, raw in
            if case .null = raw, let clear { return clear(&configuration) }
            guard let value = decode(raw) else {
                throw Misfit(message: "\(raw.shown) is not allowed; allowed: \(allowed)")
            }
            configuration[keyPath: path] = value
        }
        let defaults = RunConfiguration()
        defaultText = required ? "required" : unset(defaults) ? "unset" : encode(defaults[keyPath: path])
    }
}

extension ConfigurationKey {
    static func integer(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Int> & Sendable, _ range: ClosedRange<Int>,
        trajectory: Bool = true, _ documentation: String
    ) -> Self {
        Self(
            name, type: "integer", allowed: Self.words(range), trajectory: trajectory, documentation: documentation,
            path: path, encode: { String($0) },
            decode: { Self.integer($0, in: range) })
    }

    static func optionalInteger(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Int?> & Sendable, _ range: ClosedRange<Int>,
        _ documentation: String
    ) -> Self {
        Self(
            name, type: "integer", allowed: Self.words(range), trajectory: true, documentation: documentation,
            unset: { $0[keyPath: path] == nil }, clear: { $0[keyPath: path] = nil },
            path: path, encode: { $0.map { String($0) } ?? "null" },
            decode: { raw in Self.integer(raw, in: range).map { .some($0) } })
    }

    static func seed(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, UInt64> & Sendable, _ documentation: String
    ) -> Self {
        Self(
            name, type: "integer", allowed: "an integer from 0 to \(UInt64.max)", trajectory: true,
            documentation: documentation, path: path, encode: { String($0) },
            decode: { raw in
                guard case .scalar(let text) = raw else { return nil }
                return UInt64(text)
            })
    }

    static func number(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Double> & Sendable, _ bounds: NumberBounds,
        trajectory: Bool = true, _ documentation: String
    ) -> Self {
        Self(
            name, type: "number", allowed: bounds.description, trajectory: trajectory, documentation: documentation,
            path: path, encode: { Self.text(of: $0) },
            decode: { Self.number($0, in: bounds) })
    }

    static func optionalNumber(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Double?> & Sendable, _ bounds: NumberBounds,
        _ documentation: String
    ) -> Self {
        Self(
            name, type: "number", allowed: bounds.description, trajectory: true, documentation: documentation,
            unset: { $0[keyPath: path] == nil }, clear: { $0[keyPath: path] = nil },
            path: path, encode: { $0.map { Self.text(of: $0) } ?? "null" },
            decode: { raw in Self.number(raw, in: bounds).map { .some($0) } })
    }

    static func numbers(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, [Double]> & Sendable, _ bounds: NumberBounds,
        _ documentation: String
    ) -> Self {
        Self(
            name, type: "list of numbers", allowed: "a list, each \(bounds.description)", trajectory: true,
            documentation: documentation, path: path,
            encode: { "[\($0.map { Self.text(of: $0) }.joined(separator: ", "))]" },
            decode: { raw in
                guard let items = Self.items(raw) else { return nil }
                let values = items.compactMap { Self.number(.scalar($0), in: bounds) }
                return values.count == items.count ? values : nil
            })
    }

    static func flag(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Bool> & Sendable, trajectory: Bool = true,
        _ documentation: String
    ) -> Self {
        Self(
            name, type: "true or false", allowed: "true, false", trajectory: trajectory, documentation: documentation,
            path: path, encode: { $0 ? "true" : "false" },
            decode: { raw in
                guard case .scalar(let text) = raw else { return nil }
                return ["true": true, "false": false][text.lowercased()]
            })
    }

    static func requiredText(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, String> & Sendable, allowed: String,
        trajectory: Bool, _ documentation: String
    ) -> Self {
        Self(
            name, type: "text", allowed: allowed, trajectory: trajectory, documentation: documentation, required: true,
            path: path, encode: { YAMLText.scalar($0) },
            decode: { raw in
                guard case .scalar(let text) = raw, !text.isEmpty, !text.utf8.contains(0) else { return nil }
                return text
            })
    }

    /// A value that has a text of its own, such as `topk:0.01`; `parse` returns nil for what does not fit.
    static func parsed<Value: CustomStringConvertible & Sendable>(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Value> & Sendable, allowed: String,
        trajectory: Bool = true, parse: @escaping @Sendable (String) -> Value?, _ documentation: String
    ) -> Self {
        Self(
            name, type: "text", allowed: allowed, trajectory: trajectory, documentation: documentation, path: path,
            encode: { $0.description },
            decode: { raw in
                guard case .scalar(let text) = raw else { return nil }
                return parse(text)
            })
    }

    /// The same for a value that may be unset.
    static func optionalParsed<Value: CustomStringConvertible & Sendable>(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Value?> & Sendable, allowed: String,
        trajectory: Bool = true, parse: @escaping @Sendable (String) -> Value?, _ documentation: String
    ) -> Self {
        Self(
            name, type: "text", allowed: allowed, trajectory: trajectory, documentation: documentation,
            unset: { $0[keyPath: path] == nil }, clear: { $0[keyPath: path] = nil },
            path: path, encode: { $0?.description ?? "null" },
            decode: { raw in
                guard case .scalar(let text) = raw else { return nil }
                return parse(text).map { .some($0) }
            })
    }

    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ path: WritableKeyPath<RunConfiguration, Value> & Sendable, trajectory: Bool = true,
        _ documentation: String
    ) -> Self where Value.RawValue == String {
        Self(
            name, type: "choice", allowed: Value.allCases.map(\.rawValue).joined(separator: ", "),
            trajectory: trajectory, documentation: documentation, path: path, encode: { $0.rawValue },
            decode: { raw in
                guard case .scalar(let text) = raw else { return nil }
                return Value(rawValue: text)
            })
    }
}

extension ConfigurationKey {
    /// Text that reads back to the same number, without a needless `.0`.
    static func text(of number: Double) -> String {
        let text = number.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func integer(_ raw: RawValue, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text) = raw, let value = Int(text), range.contains(value) else { return nil }
        return value
    }

    private static func number(_ raw: RawValue, in bounds: NumberBounds) -> Double? {
        // Swift also reads hexadecimal and "infinity"; a configuration has decimal numbers only.
        guard case .scalar(let text) = raw, text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
            let value = Double(text), bounds.contains(value)
        else { return nil }
        return value
    }

    /// A list's items; on a command line lists may be written `0.5,0.5` or `[0.5, 0.5]`.
    private static func items(_ raw: RawValue) -> [String]? {
        switch raw {
        case .list(let items): return items
        case .null: return nil
        case .scalar(let text):
            var inner = Substring(text)
            if inner.hasPrefix("["), inner.hasSuffix("]"), inner.count >= 2 { inner = inner.dropFirst().dropLast() }
            if inner.allSatisfy(\.isWhitespace) { return [] }
            return inner.split(separator: ",", omittingEmptySubsequences: false).map { item in
                String(item.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            }
        }
    }

    private static func words(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max
            ? "an integer, \(range.lowerBound) or more" : "an integer from \(range.lowerBound) to \(range.upperBound)"
    }
}
