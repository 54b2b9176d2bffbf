/// The settings of a file and a command line: dotted key → raw value and place, before the schema gives them types.
struct Settings {
    struct Entry {
        let value: ConfigurationKey.RawValue
        let place: ConfigurationError.Place
    }

    private(set) var entries: [String: Entry] = [:]
    /// Keys in the order in which they were first given, so that the first mistake is reported first.
    private(set) var order: [String] = []

    /// The settings of a YAML document; nested mappings and dotted keys mean the same.
    ///
    /// - Throws: `ConfigurationError` for bad YAML, a list of anything but scalars, or a key given twice.
    init(yaml: String, name: String) throws {
        guard let root = try YAMLParser.parse(yaml, name: name), !root.isNull else { return }
        guard case .mapping(let mapping) = root.value else {
            throw ConfigurationError(
                place: .file(name, line: root.line), message: "the file must be a mapping of keys, such as `seed: 1`")
        }
        try add(mapping, prefix: "", file: name)
    }

    private mutating func add(
        _ mapping: [(key: String, line: Int, node: YAMLNode)], prefix: String, file: String
    ) throws {
        for (key, line, node) in mapping {
            let name = prefix + key
            let place = ConfigurationError.Place.file(file, line: line)
            switch node.value {
            case .mapping(let inner):
                if let known = ConfigurationSchema.key(named: name) {
                    throw ConfigurationError(
                        place: place, key: name, message: "takes one value (\(known.allowed)), not a mapping")
                }
                try add(inner, prefix: name + ".", file: file)
            case .sequence(let items):
                let texts = try items.map { item in
                    guard case .scalar(let text, _) = item.value else {
                        throw ConfigurationError(
                            place: .file(file, line: item.line), key: name, message: "a list may hold only plain values"
                        )
                    }
                    return text
                }
                try add(name, Entry(value: .list(texts), place: place))
            case .scalar(let text, _):
                // `encoder:` with nothing below it is an empty group, not a setting.
                if node.isNull, ConfigurationSchema.groups.contains(name) { continue }
                try add(name, Entry(value: node.isNull ? .null : .scalar(text), place: place))
            }
        }
    }

    private mutating func add(_ name: String, _ entry: Entry) throws {
        if let first = entries[name] {
            throw ConfigurationError(
                place: entry.place, key: name, message: "given twice, first at \(first.place)")
        }
        entries[name] = entry
        order.append(name)
    }

    /// Adds `key=value`, which wins over the file and over earlier ones of the command line.
    ///
    /// A key that excludes another (`steps` and `epochs`) also takes back what the file says of the other.
    mutating func override(with argument: String) throws {
        guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else {
            throw ConfigurationError(
                place: .commandLine, message: "\"\(argument)\" is not a setting; write key=value, such as seed=1")
        }
        let name = String(argument[..<separator])
        let text = String(argument[argument.index(after: separator)...])
        let null = text.isEmpty || text == "null" || text == "~"
        if entries[name] == nil { order.append(name) }
        entries[name] = Entry(value: null ? .null : .scalar(text), place: .commandLine)
        for pair in Self.exclusive where !null && pair.contains(name) {
            for other in pair where other != name && entries[other].map({ $0.place != .commandLine }) ?? false {
                entries[other] = nil
            }
        }
    }

    /// Keys of which at most one may be given.
    static let exclusive = [
        ["epochs", "steps"], ["schedule.warmup_epochs", "schedule.warmup_steps", "schedule.warmup_images"],
    ]

    /// Where `key` was set; the file as a whole if it was not.
    func place(of key: String, file: String) -> ConfigurationError.Place {
        entries[key]?.place ?? .file(file, line: nil)
    }
}
